#include <array>

#include "agent/report.h"

namespace vmtriage {
namespace {

struct Words {
  LocalText nothing_found = {"nothing wrong found", "問題は見つかりませんでした"};
  LocalText no_evidence = {"no evidence was found to read", "読み取れる証跡がありませんでした"};
  LocalText incomplete = {"not everything could be read, so a clean verdict cannot be given",
                          "読み取れなかった証跡があるため、問題なしとは判定できません"};
  LocalText verdict = {"Verdict", "判定"};
  LocalText findings = {"finding(s)", "件の検出"};
  LocalText advice = {"What to do", "対処"};
  LocalText owner = {"Owner", "担当"};
  LocalText seen = {"seen", "検出"};
  LocalText times = {"x", " 回"};
  LocalText runs = {"Backup runs of this VM", "この VM のバックアップ実行"};
  LocalText errors = {"Could not be read", "読み取れなかったもの"};
  LocalText left_out = {"Left out", "対象外としたもの"};
  LocalText read = {"Read", "読み取り"};
  LocalText files = {"file(s)", "ファイル"};
  LocalText bundle = {"Bundle", "バンドル"};
  LocalText missing = {"Asked for by support and missing", "サポートが求める情報のうち不足しているもの"};
  LocalText partial = {"The run was ended early: this is a part.", "実行は途中で終了しました。結果は一部のみです。"};
  LocalText more = {"more", "件省略"};
};

/// Text in lines of at most `width` columns; a character of Japanese takes two.
class Page {
 public:
  Page(bool color, std::size_t width) : color_(color), width_(std::max<std::size_t>(width, 40)) {}

  void line(std::string_view text = {}) { out_.append(text).append("\n"); }

  /// Wraps at blanks, and anywhere between Japanese characters.
  void paragraph(std::string_view text, std::size_t indent, std::string_view first = {}) {
    const std::string margin(indent, ' ');
    std::string current = first.empty() ? margin : std::string(first);
    std::size_t column = first.empty() ? indent : columns(first);
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t length = piece(rest);
      const std::string_view word = rest.substr(0, length);
      if (column + columns(word) > width_ && column > indent) {
        line(trim_right(current));
        current = margin;
        column = indent;
        if (word == " ") {
          rest.remove_prefix(length);
          continue;
        }
      }
      current += word;
      column += columns(word);
      rest.remove_prefix(length);
    }
    line(trim_right(current));
  }

  std::string paint(std::string_view text, std::string_view code) const {
    return color_ ? "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m" : std::string(text);
  }

  std::string take() { return std::move(out_); }

 private:
  static std::string_view trim_right(std::string_view text) {
    const std::size_t last = text.find_last_not_of(' ');
    return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
  }
  static std::size_t character(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    return std::min(length, text.size());
  }
  /// A word, a blank or a single wide character.
  static std::size_t piece(std::string_view text) {
    if (text[0] == ' ' || character(text) >= 3) return character(text);
    std::size_t end = 0;
    while (end < text.size() && text[end] != ' ' && character(text.substr(end)) < 3) end += character(text.substr(end));
    return end;
  }
  static std::size_t columns(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); i += character(text.substr(i))) count += character(text.substr(i)) >= 3 ? 2 : 1;
    return count;
  }

  bool color_;
  std::size_t width_;
  std::string out_;
};

std::string severity_name_ja(Severity severity) {
  switch (severity) {
    case Severity::critical: return "重大";
    case Severity::error: return "エラー";
    case Severity::warning: return "警告";
    case Severity::info: return "情報";
  }
  return "";
}

std::string severity_mark(const Page& page, Severity severity, Language language) {
  const bool ja = language == Language::ja;
  switch (severity) {
    case Severity::critical: return page.paint(ja ? severity_name_ja(severity) : "CRITICAL", "1;31");
    case Severity::error: return page.paint(ja ? severity_name_ja(severity) : "ERROR", "1;31");
    case Severity::warning: return page.paint(ja ? severity_name_ja(severity) : "WARNING", "1;33");
    case Severity::info: return page.paint(ja ? severity_name_ja(severity) : "info", "36");
  }
  return "";
}

class TextReport {
 public:
  TextReport(const Report& report, Language language, bool color, std::size_t width)
      : report_(report), language_(language), page_(color, width) {}

  std::string render() {
    head();
    for (std::size_t i = 0; i < report_.findings.size(); ++i) finding(i + 1, report_.findings[i]);
    runs();
    request();
    errors();
    foot();
    return page_.take();
  }

 private:
  const std::string& say(const LocalText& text) const { return text.in(language_); }

  void head() {
    const Environment& host = report_.host;
    std::string title = "vmtriage " VMTRIAGE_VERSION;
    for (const std::string& part : {host.host_name, host.os}) {
      if (!part.empty()) title += " · " + part;
    }
    if (!host.azure.vm.empty()) title += " · Azure VM " + host.azure.resource_group + "/" + host.azure.vm;
    page_.line(page_.paint(title, "1"));
    page_.line();
    page_.paragraph(verdict(), 2, say(words_.verdict) + ": ");
    if (report_.partial) page_.paragraph(say(words_.partial), 2, "! ");
    page_.line();
  }

  std::string verdict() const {
    std::array<std::size_t, 4> counts{};
    for (const Finding& finding : report_.findings) ++counts[static_cast<std::size_t>(finding.severity)];
    std::string text;
    for (const Severity severity : {Severity::critical, Severity::error, Severity::warning}) {
      const std::size_t count = counts[static_cast<std::size_t>(severity)];
      if (count == 0) continue;
      text += (text.empty() ? "" : ", ") + counted(count, severity);
    }
    if (!text.empty()) return text;
    if (report_.files_read == 0) return say(words_.no_evidence);
    return say(report_.is_complete() ? words_.nothing_found : words_.incomplete);
  }

  /// `2 errors`, `エラー 2 件`.
  std::string counted(std::size_t count, Severity severity) const {
    const std::string number = std::to_string(count);
    if (language_ == Language::ja) return severity_name_ja(severity) + " " + number + " 件";
    return number + " " + std::string(name_of(severity)) + (count == 1 || severity == Severity::critical ? "" : "s");
  }

  void finding(std::size_t number, const Finding& finding) {
    const std::string start = std::to_string(number) + ". " + severity_mark(page_, finding.severity, language_) + "  ";
    page_.line(start + page_.paint(finding.title.in(language_), "1"));
    std::string seen = finding.rule_id + " · " + say(words_.seen) + " " + std::to_string(finding.count) + say(words_.times);
    if (finding.first_seen) seen += ", " + format_time(*finding.first_seen);
    if (finding.last_seen && finding.last_seen != finding.first_seen) seen += " … " + format_time(*finding.last_seen);
    page_.paragraph(seen, 3);
    constexpr std::size_t kShown = 3;
    for (std::size_t i = 0; i < std::min(kShown, finding.evidence.size()); ++i) evidence(finding.evidence[i]);
    page_.paragraph(finding.advice.in(language_), 5, "   " + page_.paint(say(words_.advice), "32") + ": ");
    std::string owner = say(words_.owner) + ": " + finding.owner;
    if (!finding.codes.empty()) owner += " · " + join(finding.codes, ", ");
    if (!finding.reference.empty()) owner += " · " + finding.reference;
    page_.paragraph(owner, 3);
    page_.line();
  }

  void evidence(const Evidence& evidence) {
    std::string place = printable(evidence.origin);
    if (evidence.line) place += ":" + std::to_string(*evidence.line);
    if (evidence.record_id) place += " #" + std::to_string(*evidence.record_id);
    page_.line("   " + page_.paint(place, "2"));
    page_.line("   | " + shorten(evidence.excerpt, 200));
  }

  void runs() {
    if (report_.runs.empty()) return;
    page_.line(page_.paint(say(words_.runs), "1"));
    constexpr std::size_t kShown = 5;
    for (std::size_t i = 0; i < std::min(kShown, report_.runs.size()); ++i) {
      const RunVerdict& run = report_.runs[i];
      const std::string time = run.time ? format_time(*run.time) : "?";
      page_.paragraph(std::string(name_of(run.level)) + ": " + run.because.in(language_), 4, "  " + time + "  ");
    }
    if (report_.runs.size() > kShown) page_.line("  … " + std::to_string(report_.runs.size() - kShown) + " " + say(words_.more));
    page_.line();
  }

  void request() {
    bool any = false;
    for (const RequestState& state : report_.request) {
      if (state.files > 0) continue;
      if (!any) page_.line(page_.paint(say(words_.missing), "1"));
      any = true;
      page_.paragraph(state.item.text.in(language_) + ": " + state.why_missing, 4, "  - ");
    }
    if (any) page_.line();
  }

  void errors() {
    if (report_.errors.empty()) return;
    page_.line(page_.paint(say(words_.errors), "1"));
    constexpr std::size_t kShown = 10;
    for (std::size_t i = 0; i < std::min(kShown, report_.errors.size()); ++i) {
      page_.paragraph(report_.errors[i].error.what, 4, "  - ");
    }
    if (report_.errors.size() > kShown) page_.line("  … " + std::to_string(report_.errors.size() - kShown) + " " + say(words_.more));
    page_.line();
  }

  void foot() {
    std::string text = say(words_.read) + ": " + std::to_string(report_.files_read) + " " + say(words_.files) + ", " +
                       format_size(report_.bytes_read);
    std::array<char, 32> seconds{};
    std::snprintf(seconds.data(), seconds.size(), ", %.1f s", report_.seconds);
    text += seconds.data();
    std::uint64_t left_out = 0;
    for (const LeftOut& entry : report_.left_out.entries()) left_out += entry.count;
    if (left_out > 0) text += " · " + say(words_.left_out) + ": " + std::to_string(left_out);
    page_.line(text);
    if (!report_.bundle.empty()) {
      page_.line(say(words_.bundle) + ": " + page_.paint(report_.bundle, "1") + " (" + format_size(report_.bundle_bytes) + ")");
    }
  }

  const Report& report_;
  Language language_;
  Page page_;
  Words words_;
};

}  // namespace

std::string render_text(const Report& report, Language language, bool color, std::size_t width) {
  return TextReport(report, language, color, width).render();
}

}  // namespace vmtriage
