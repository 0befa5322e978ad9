#include "analyzers/checks/vss_knowledge.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/base/text.h"
#include "analyzers/checks/vss_lines.h"

namespace vmtriage {
namespace {

constexpr std::string_view kFiles[] = {"analyzers/codes/vss-writers.xml", "analyzers/codes/windows-vss-hresults.xml"};
constexpr std::string_view kErrorPrefix = "Writer last error: ";
constexpr std::string_view kStatePrefix = "Writer state ";

Codes parse_codes(std::span<const EmbeddedFile> files) {
  std::vector<std::string_view> texts;
  for (const EmbeddedFile& file : files) {
    if (std::find(std::begin(kFiles), std::end(kFiles), file.path) != std::end(kFiles)) texts.push_back(file.bytes);
  }
  auto codes = Codes::parse(texts);
  return codes ? std::move(*codes) : Codes();
}

/// Instances stand in the middle or at the end of these names.
bool is_instance_of(std::string_view writer, std::string_view known) {
  if (starts_with_no_case(known, "ADAM (")) return starts_with_no_case(writer, "ADAM (");
  return starts_with_no_case(known, "Oracle VSS Writer") && starts_with_no_case(writer, "Oracle VSS Writer");
}

bool is_writer(const Code& code) {
  return !code.name.starts_with(kErrorPrefix) && !code.name.starts_with(kStatePrefix) && code.number.empty();
}

bool has_alias(const Code& code, std::string_view alias) {
  return std::any_of(code.aliases.begin(), code.aliases.end(),
                     [&](const std::string& known) { return equal_no_case(known, alias); });
}

}  // namespace

VssKnowledge::VssKnowledge(std::span<const EmbeddedFile> files) : codes_(parse_codes(files)) {}

const VssKnowledge& VssKnowledge::built_in() {
  static const VssKnowledge knowledge(embedded_files());
  return knowledge;
}

const Code* VssKnowledge::named(std::string_view name) const {
  const auto codes = codes_.all();
  const auto found = std::find_if(codes.begin(), codes.end(), [&](const Code& code) {
    return equal_no_case(code.name, name) || has_alias(code, name);
  });
  return found == codes.end() ? nullptr : &*found;
}

const Code* VssKnowledge::writer(const WriterStatus& writer) const {
  const Code* found = writer.class_id.empty() ? nullptr : named(writer.class_id);
  if (found == nullptr) found = named(writer.name);
  if (found != nullptr) return is_writer(*found) ? found : nullptr;
  for (const Code& code : codes_.all()) {
    if (is_instance_of(writer.name, code.name)) return &code;
  }
  return nullptr;
}

const Code* VssKnowledge::state(int number) const {
  const std::string start = std::string(kStatePrefix) + std::to_string(number) + " ";
  for (const Code& code : codes_.all()) {
    if (code.name.starts_with(start)) return &code;
  }
  return nullptr;
}

const Code* VssKnowledge::last_error(std::string_view text) const {
  if (text.ends_with('.')) text.remove_suffix(1);
  const Code* found = named(std::string(kErrorPrefix) + std::string(text));
  return found != nullptr ? found : named(std::string(kErrorPrefix) + "writer " + std::string(text));
}

const Code* VssKnowledge::last_error(std::uint32_t hresult) const {
  for (const Code& code : codes_.all()) {
    if (code.name.starts_with(kErrorPrefix) && hresult_in(code.meaning.en) == hresult) return &code;
  }
  return nullptr;
}

const Code* VssKnowledge::hresult(std::uint32_t code) const {
  for (const Code& known : codes_.all()) {
    if (!known.number.empty() && hresult_in(known.number) == code) return &known;
  }
  return nullptr;
}

std::vector<std::string> VssKnowledge::writers_in(std::string_view message) const {
  std::vector<std::string> names;
  for (const Code& code : codes_.all()) {
    if (is_writer(code) && find_no_case(message, code.name) != std::string_view::npos) names.push_back(code.name);
  }
  return names;
}

bool says_no_error(std::string_view last_error) {
  constexpr std::array<std::string_view, 26> kTexts = {
      "No error",    "エラーなし", "エラーはありません", "Kein Fehler",   "Aucune erreur", "Pas d'erreur",
      "Sin errores", "Sin error",  "No hay errores",     "Nessun errore", "Sem erros",     "Sem erro",
      "Nenhum erro", "Geen fout",  "Geen fouten",        "Inget fel",     "Ingen fejl",    "Ingen feil",
      "Ei virhettä", "Brak błędu", "Нет ошибок",         "Žádná chyba",   "Hata yok",      "无错误",
      "沒有錯誤",    "오류 없음"};
  while (last_error.ends_with('.')) last_error.remove_suffix(1);
  return std::any_of(kTexts.begin(), kTexts.end(),
                     [&](std::string_view text) { return equal_no_case(text, last_error); });
}

bool is_failed(const WriterStatus& writer) {
  constexpr int kFirstFailure = 6;
  if (!writer.state) return false;
  return *writer.state >= kFirstFailure || equal_no_case(writer.state_text, "Failed") || writer.state_text == "失敗";
}

}  // namespace vmtriage
