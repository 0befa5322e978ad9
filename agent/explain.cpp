#include "agent/explain.h"

#include <algorithm>
#include <istream>
#include <nlohmann/json.hpp>
#include <ostream>

namespace vmtriage {
namespace {

using Json = nlohmann::ordered_json;

/// As much of a query as is repeated to its author.
constexpr std::size_t kMaxShownQueryBytes = 120;

const LocalText kNumber{"Number:", "番号:"};
const LocalText kAlsoCalled{"Also:", "別名:"};
const LocalText kFamily{"Family:", "分類:"};
const LocalText kMessage{"Message:", "メッセージ:"};
const LocalText kMeaning{"Meaning:", "意味:"};
const LocalText kShows{"Shows in:", "現れる場所:"};
const LocalText kAction{"Do this:", "対処:"};
const LocalText kOwner{"Owner:", "担当:"};
const LocalText kReference{"Reference:", "参考:"};
const LocalText kFoundByWords{"{query}: no code of this name; these entries share its words",
                              "{query}: この名前のコードはありません。次の項目が語句に一致します"};
const LocalText kUnknown{
    "{query}: not a known code{nearest}\nSearch by words of the message instead: vmtriage explain "
    "\"words of the message\"",
    "{query}: 未知のコードです{nearest}\nメッセージの語句でも検索できます: vmtriage explain "
    "\"メッセージの語句\""};
const LocalText kNearest{"; nearest: ", "。近い名前: "};
const LocalText kNoQuery{"explain: no code given", "explain: コードが指定されていません"};

std::string shown(std::string_view query) {
  return query.empty() ? "\"\"" : shorten(printable(query.substr(0, kMaxShownQueryBytes)), kMaxShownQueryBytes);
}

void append_line(std::string& text, const LocalText& label, std::string_view value, Language language) {
  if (value.empty()) return;
  text += "  " + label.in(language) + " ";
  text += value;
  text += '\n';
}

std::vector<std::string> messages_for(const Code& code, Language language) {
  std::vector<std::string> wanted;
  std::vector<std::string> all;
  for (const CodeMessage& message : code.messages) {
    all.push_back(message.text);
    if (message.language == language) wanted.push_back(message.text);
  }
  return wanted.empty() ? all : wanted;
}

Json code_to_json(const Code& code, Language language) {
  Json messages = Json::array();
  for (const CodeMessage& message : code.messages) messages.push_back(message.text);
  return {{"name", code.name},
          {"number", code.number.empty() ? Json() : Json(code.number)},
          {"aliases", code.aliases},
          {"family", code.family.in(language)},
          {"where", name_of(code.where)},
          {"owner", code.owner},
          {"messages", std::move(messages)},
          {"meaning", code.meaning.in(language)},
          {"shows", code.shows.in(language)},
          {"action", code.action.in(language)},
          {"references", code.references}};
}

std::string_view name_of(Explanation::Match match) {
  switch (match) {
    case Explanation::Match::code:
      return "code";
    case Explanation::Match::words:
      return "words";
    case Explanation::Match::none:
      return "none";
  }
  return "none";
}

bool reads_as_sentence(std::string_view query) {
  return split_words(query).size() > 1 ||
         std::any_of(query.begin(), query.end(), [](unsigned char c) { return c >= 0x80; });
}

void say_unknown(const Explanation& explanation, Language language, std::ostream& err) {
  const std::string nearest =
      explanation.nearest.empty() ? "" : kNearest.in(language) + join(explanation.nearest, ", ");
  err << fill_in(kUnknown.in(language), {{"query", shown(explanation.query)}, {"nearest", nearest}}) << '\n';
}

void print_text(const Explanation& explanation, Language language, std::ostream& out) {
  if (explanation.match == Explanation::Match::words) {
    out << fill_in(kFoundByWords.in(language), {{"query", shown(explanation.query)}}) << "\n\n";
  }
  for (const Code* code : explanation.codes) out << render_code(*code, language) << '\n';
}

std::vector<std::string> read_queries(std::istream& in) {
  std::vector<std::string> queries;
  for (std::string line; std::getline(in, line);) {
    if (!trim(line).empty()) queries.emplace_back(trim(line));
  }
  return queries;
}

}  // namespace

Explanation find_explanation(const Codes& codes, std::string_view query) {
  Explanation explanation;
  explanation.query = query;
  explanation.codes = codes.lookup(query);
  if (!explanation.codes.empty()) {
    explanation.match = Explanation::Match::code;
    return explanation;
  }
  if (reads_as_sentence(query)) explanation.codes = codes.search(query);
  if (!explanation.codes.empty()) {
    explanation.match = Explanation::Match::words;
    return explanation;
  }
  explanation.nearest = codes.nearest(query);
  return explanation;
}

std::string render_code(const Code& code, Language language) {
  std::string text = code.name + "\n";
  append_line(text, kNumber, code.number, language);
  append_line(text, kAlsoCalled, join(code.aliases, ", "), language);
  append_line(text, kFamily, code.family.in(language), language);
  for (const std::string& message : messages_for(code, language)) append_line(text, kMessage, message, language);
  append_line(text, kMeaning, code.meaning.in(language), language);
  append_line(text, kShows, code.shows.in(language), language);
  append_line(text, kAction, code.action.in(language), language);
  append_line(text, kOwner, code.owner, language);
  for (const std::string& reference : code.references) append_line(text, kReference, reference, language);
  return text;
}

std::string render_json(const Explanation& explanation, Language language) {
  Json codes = Json::array();
  for (const Code* code : explanation.codes) codes.push_back(code_to_json(*code, language));
  const Json answer = {{"query", shown(explanation.query)},
                       {"match", name_of(explanation.match)},
                       {"codes", std::move(codes)},
                       {"nearest", explanation.nearest}};
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

int explain(std::span<const std::string> queries, const Codes& codes, Language language, ExplainFormat format,
            std::istream& in, std::ostream& out, std::ostream& err) {
  const bool from_stream = queries.size() == 1 && queries.front() == "-";
  const std::vector<std::string> asked =
      from_stream ? read_queries(in) : std::vector<std::string>(queries.begin(), queries.end());
  if (asked.empty()) err << kNoQuery.in(language) << '\n';
  bool all_known = !asked.empty();
  std::vector<std::string> answers;
  for (const std::string& query : asked) {
    const Explanation explanation = find_explanation(codes, query);
    if (explanation.match == Explanation::Match::none) {
      all_known = false;
      say_unknown(explanation, language, err);
    }
    switch (format) {
      case ExplainFormat::text:
        print_text(explanation, language, out);
        break;
      case ExplainFormat::jsonl:
        out << render_json(explanation, language) << '\n';
        break;
      case ExplainFormat::json:
        answers.push_back(render_json(explanation, language));
        break;
    }
  }
  if (format == ExplainFormat::json) out << "{\"schema\":1,\"answers\":[" << join(answers, ",\n") << "]}\n";
  return all_known ? 0 : 1;
}

}  // namespace vmtriage
