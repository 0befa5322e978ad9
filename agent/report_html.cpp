#include "agent/report.h"

namespace vmtriage {
namespace {

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

constexpr std::string_view kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1b1b;background:#fff}"
    "h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem}section{border-left:.4rem solid #888;padding:.2rem 1rem;margin:1rem 0}"
    ".critical,.error{border-color:#b00020}.warning{border-color:#b26a00}.info{border-color:#00639b}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f3f3f3;padding:.5rem;font-size:.85rem}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;border-bottom:1px solid #ccc;padding:.25rem .5rem}"
    ".small{color:#555;font-size:.9rem}";

class Page {
 public:
  Page(const Report& report, Language language) : report_(report), language_(language) {}

  std::string render() {
    const std::string_view lang = language_ == Language::ja ? "ja" : "en";
    out_ = "<!doctype html>\n<html lang=\"" + std::string(lang) + "\"><head><meta charset=\"utf-8\">"
           "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>vmtriage " +
           escape(report_.host.host_name) + "</title><style>" + std::string(kStyle) + "</style></head>\n<body>\n";
    head();
    for (const Finding& finding : report_.findings) section(finding);
    runs();
    request();
    errors();
    out_ += "</body></html>\n";
    return std::move(out_);
  }

 private:
  std::string say(const char* en, const char* ja) const { return language_ == Language::ja ? ja : en; }
  void tag(std::string_view name, std::string_view text) {
    out_.append("<").append(name).append(">").append(escape(text)).append("</").append(name).append(">\n");
  }

  void head() {
    tag("h1", say("Azure VM backup: what is wrong on ", "Azure VM バックアップ診断: ") + report_.host.host_name);
    std::string verdict = say("Nothing wrong was found.", "問題は見つかりませんでした。");
    if (!report_.findings.empty()) {
      verdict = std::to_string(report_.findings.size()) + say(" finding(s), the worst first.", " 件の検出 (重大なものから)。");
    } else if (!report_.is_complete()) {
      verdict = say("Nothing wrong was found in what could be read, but evidence is missing.",
                    "読み取れた範囲に問題はありませんが、不足している証跡があります。");
    }
    tag("p", verdict);
    if (report_.partial) tag("p", say("The run was ended early: this is a part.", "実行は途中で終了しました。結果は一部のみです。"));
    tag("p", report_.host.os + " · " + std::to_string(report_.files_read) + say(" files, ", " ファイル、") +
                 format_size(report_.bytes_read));
  }

  void section(const Finding& finding) {
    out_ += "<section class=\"" + std::string(name_of(finding.severity)) + "\">\n";
    tag("h2", finding.title.in(language_));
    std::string seen = std::string(name_of(finding.severity)) + " · " + finding.rule_id + " · " + std::to_string(finding.count) + "x";
    if (finding.first_seen) seen += " · " + format_time(*finding.first_seen);
    if (finding.last_seen && finding.last_seen != finding.first_seen) seen += " – " + format_time(*finding.last_seen);
    out_ += "<p class=\"small\">" + escape(seen) + "</p>\n";
    tag("p", finding.advice.in(language_));
    out_ += "<pre>";
    for (const Evidence& evidence : finding.evidence) {
      out_ += escape(printable(evidence.origin));
      if (evidence.line) out_ += ":" + std::to_string(*evidence.line);
      out_ += "\n  " + escape(evidence.excerpt) + "\n";
    }
    out_ += "</pre>\n<p class=\"small\">" + say("Owner: ", "担当: ") + escape(finding.owner);
    if (!finding.codes.empty()) out_ += " · " + escape(join(finding.codes, ", "));
    if (finding.reference.starts_with("https://")) {
      out_ += " · <a href=\"" + escape(finding.reference) + "\">" + escape(finding.reference) + "</a>";
    }
    out_ += "</p>\n</section>\n";
  }

  void runs() {
    if (report_.runs.empty()) return;
    tag("h2", say("Backup runs", "バックアップ実行"));
    out_ += "<table>\n";
    for (const RunVerdict& run : report_.runs) {
      out_ += "<tr><td>" + (run.time ? format_time(*run.time) : "?") + "</td><td>" + std::string(name_of(run.level)) + "</td><td>" +
              escape(run.because.in(language_)) + "</td></tr>\n";
    }
    out_ += "</table>\n";
  }

  void request() {
    if (report_.request.empty()) return;
    tag("h2", say("What support asks for", "サポートが求める情報"));
    out_ += "<table>\n";
    for (const RequestState& state : report_.request) {
      const std::string answer = state.files > 0 ? std::to_string(state.files) + say(" file(s)", " ファイル") : state.why_missing;
      out_ += "<tr><td>" + escape(state.item.text.in(language_)) + "</td><td>" + escape(answer) + "</td></tr>\n";
    }
    out_ += "</table>\n";
  }

  void errors() {
    if (!report_.errors.empty()) {
      tag("h2", say("Could not be read", "読み取れなかったもの"));
      out_ += "<ul>\n";
      for (const ReadError& error : report_.errors) tag("li", error.error.what);
      out_ += "</ul>\n";
    }
    if (report_.left_out.entries().empty()) return;
    tag("h2", say("Left out", "対象外としたもの"));
    out_ += "<table class=\"small\">\n";
    for (const LeftOut& entry : report_.left_out.entries()) {
      const std::string count = entry.count > 1 ? " (" + std::to_string(entry.count) + ")" : "";
      out_ += "<tr><td>" + escape(printable(entry.origin)) + count + "</td><td>" + escape(entry.reason) + "</td></tr>\n";
    }
    out_ += "</table>\n";
  }

  const Report& report_;
  Language language_;
  std::string out_;
};

}  // namespace

std::string render_html(const Report& report, Language language) { return Page(report, language).render(); }

}  // namespace vmtriage
