#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/embedded.h"
#include "analyzers/checks/vss_writer_list.h"
#include "analyzers/codes.h"

namespace vmtriage {

/// What is known of writers, their states and their errors: analyzers/codes/vss-writers.xml and
/// windows-vss-hresults.xml. Pointers live as long as the knowledge; null means unknown.
class VssKnowledge {
 public:
  explicit VssKnowledge(std::span<const EmbeddedFile> files);
  static const VssKnowledge& built_in();

  /// By class id, else by name; `ADAM (corp) Writer` and `Oracle VSS Writer - ORCL` carry an instance in their name.
  const Code* writer(const WriterStatus& writer) const;
  /// A state by its number.
  const Code* state(int number) const;
  /// A last error by the text that Windows prints in English.
  const Code* last_error(std::string_view text) const;
  /// The same by its HRESULT.
  const Code* last_error(std::uint32_t hresult) const;
  const Code* hresult(std::uint32_t code) const;
  /// The known writers that a message names.
  std::vector<std::string> writers_in(std::string_view message) const;

 private:
  const Code* named(std::string_view name) const;

  Codes codes_;
};

/// Whether a last error says that there is none, in one of the languages of Windows.
bool says_no_error(std::string_view last_error);

/// Whether the state is one of failure, 6 to 15. The number decides; the word does where the number says stable, as was
/// seen once: `State: [1] Failed`.
bool is_failed(const WriterStatus& writer);

}  // namespace vmtriage
