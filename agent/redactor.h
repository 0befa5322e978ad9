#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/redactor_rules.h"

namespace vmtriage {

/// Replaces the secrets in logs and settings files by placeholders:
///
///     …/status?sv=2018-03-28&sr=b&sig=[redacted:sas-signature:9c0f3a1e]&se=2024-05-02
///     node.session.auth.password = [redacted:password:51b6e0d2]
///
/// The eight digits are a keyed hash of the secret: the same secret has the same digits everywhere in one run, so that
/// an engineer sees that two places hold the same key, and nobody can try out secrets, because the key of the hash is
/// random and never stored. Every byte that belongs to no secret stays as it was. A secret of several lines, such as a
/// private key, gets a placeholder per line.
///
/// Immutable and safe to use from several threads. Its streams must not outlive it.
class Redactor {
 public:
  using Key = std::array<std::uint8_t, 16>;

  /// With a random key: what every run of the program uses.
  Redactor();
  explicit Redactor(const Key& key) : key_(key) {}

  /// One artifact on its way through. It remembers a secret that goes on in the next block.
  class Stream {
   public:
    explicit Stream(const Redactor& redactor) : redactor_(&redactor) {}

    /// Gives the next text with its secrets replaced: a view of `block` when it holds none, else of `storage`.
    ///
    /// `continues_line` says that the last line of the block is not complete. Its last few KiB are then held back,
    /// since a secret may stand across the cut, and come out in front of the next block: the result may be shorter than
    /// the block, even empty. The price of a block without secrets is one look at each byte, about 3 GB/s.
    std::string_view apply(std::string_view block, bool continues_line, std::string& storage);

    /// What is still held back. To be called once behind the last block; a view of `storage`.
    std::string_view finish(std::string& storage) { return apply({}, false, storage); }

    /// Placeholders written so far.
    std::uint64_t count() const { return count_; }

   private:
    struct Pass;

    void scan(Pass& pass);
    void follow_lines(Pass& pass);
    void replace(Pass& pass, redaction::Span secret, redaction::Kind kind);
    void hold(Pass& pass);

    const Redactor* redactor_;
    std::string held_;  ///< the end of a cut line that was not handed out, behind `context_` bytes that were
    std::size_t context_ = 0;
    redaction::Follow follow_;
    std::uint64_t count_ = 0;
  };

  Stream stream() const { return Stream(*this); }

  /// The same for one whole text.
  std::string line(std::string_view text) const;

 private:
  std::string placeholder(redaction::Kind kind, std::string_view secret) const;

  Key key_;
};

}  // namespace vmtriage
