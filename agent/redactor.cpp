#include "agent/redactor.h"

#include <algorithm>
#include <optional>
#include <random>

#include "agent/siphash.h"

namespace vmtriage {
namespace {

// Longer than any rule looks ahead, so that a text before it is judged as if the whole line were there.
constexpr std::size_t kLookAhead = 4096;
// Longer than any rule looks back.
constexpr std::size_t kContext = 1024;
// A secret longer than this that reaches over a cut gets a placeholder per piece instead of being held back.
constexpr std::size_t kMaxHeld = 256 * 1024;

/// The end of what can be judged of a text whose last line goes on: at a blank where there is one near.
std::size_t judged_end(std::string_view text, std::size_t from) {
  if (text.size() <= from + kLookAhead) return from;
  const std::size_t limit = text.size() - kLookAhead;
  const std::size_t blank = text.find_last_of(" \t\n", limit - 1);
  return blank == std::string_view::npos || blank < from || limit - blank > kMaxHeld / 4 ? limit : blank + 1;
}

}  // namespace

struct Redactor::Stream::Pass {
  std::string_view text;
  bool cut = false;
  std::size_t at = 0;      ///< everything before it is judged
  std::size_t copied = 0;  ///< everything before it is in `storage`
  std::size_t end = 0;     ///< what is behind it is held back
  bool changed = false;
  std::string* storage = nullptr;
};

Redactor::Redactor() : key_{} {
  std::random_device random;
  for (std::uint8_t& byte : key_) byte = static_cast<std::uint8_t>(random());
}

std::string Redactor::placeholder(redaction::Kind kind, std::string_view secret) const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const std::uint64_t hash = siphash(key_, secret);
  std::string text = "[redacted:" + std::string(name_of(kind)) + ':';
  for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[hash >> shift & 0xF];
  return text + ']';
}

void Redactor::Stream::replace(Pass& pass, redaction::Span secret, redaction::Kind kind) {
  if (secret.empty()) return;
  pass.storage->append(pass.text.substr(pass.copied, secret.begin - pass.copied));
  pass.storage->append(redactor_->placeholder(kind, secret.of(pass.text)));
  pass.copied = secret.end;
  pass.changed = true;
  ++count_;
}

/// Redacts the lines over which the last secret goes on.
void Redactor::Stream::follow_lines(Pass& pass) {
  while (follow_.active() && pass.at < pass.text.size()) {
    const std::size_t line = redaction::line_end(pass.text, pass.at);
    if (pass.cut && line == pass.text.size() && line - pass.at < kMaxHeld) {
      pass.end = pass.at;
      return;
    }
    const auto next = redaction::continue_secret(pass.text, pass.at, follow_);
    replace(pass, next.secret, follow_.kind);
    pass.at = next.resume;
    if (!follow_.active()) return;
    while (pass.at < pass.text.size() && redaction::is_line_end(pass.text[pass.at])) ++pass.at;
  }
}

void Redactor::Stream::scan(Pass& pass) {
  const std::size_t judged = pass.cut ? judged_end(pass.text, pass.at) : pass.text.size();
  pass.end = pass.text.size();
  while (true) {
    follow_lines(pass);
    if (follow_.active() || pass.end < pass.text.size()) return;
    const auto hit = redaction::find_anchor(pass.text, pass.at);
    if (!hit.found()) break;
    const auto secret = redaction::find_secret(pass.text, hit);
    if (!secret || (!secret->span.empty() && secret->span.begin < pass.copied)) {
      pass.at = hit.end;
      continue;
    }
    const std::size_t end = std::max(secret->span.end, hit.end);
    const std::size_t begin = secret->span.empty() ? hit.begin : std::min(hit.begin, secret->span.begin);
    const bool torn = pass.cut && (begin >= judged || end == pass.text.size());
    if (torn && pass.text.size() - begin < kMaxHeld) {
      pass.end = std::max(pass.copied, std::min(begin, judged));
      return;
    }
    replace(pass, secret->span, secret->kind);
    pass.at = end;
    follow_ = secret->follow;
    if (torn && !follow_.active()) {
      follow_.mode = redaction::Follow::Mode::word;
      follow_.kind = secret->kind;
      return;
    }
    if (follow_.active()) pass.at = std::min(pass.text.size(), redaction::line_end(pass.text, pass.at));
    while (follow_.active() && pass.at < pass.text.size() && redaction::is_line_end(pass.text[pass.at])) ++pass.at;
  }
  if (pass.cut) pass.end = std::max(pass.copied, judged);
}

/// Keeps what was not judged for the next block, with as much before it as the rules look back.
void Redactor::Stream::hold(Pass& pass) {
  const std::size_t context = std::min(pass.end, kContext);
  std::string held = pass.end < pass.text.size() ? std::string(pass.text.substr(pass.end - context)) : std::string();
  context_ = held.empty() ? 0 : context;
  held_ = std::move(held);
}

std::string_view Redactor::Stream::apply(std::string_view block, bool continues_line, std::string& storage) {
  storage.clear();
  Pass pass;
  pass.text = block;
  pass.cut = continues_line;
  pass.storage = &storage;
  if (!held_.empty()) {
    held_.append(block);
    pass.text = held_;
    pass.at = pass.copied = context_;
    pass.changed = true;
  }
  scan(pass);
  if (!pass.changed) {
    hold(pass);
    return block.substr(0, pass.end);
  }
  storage.append(pass.text.substr(pass.copied, pass.end - pass.copied));
  hold(pass);
  return storage;
}

std::string Redactor::line(std::string_view text) const {
  std::string storage;
  Stream one = stream();
  return std::string(one.apply(text, false, storage));
}

}  // namespace vmtriage
