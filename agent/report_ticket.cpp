#include "agent/report.h"

namespace vmtriage {
namespace {

/// The ticket in one language; both stand in the file, because the admin and the engineer may not share one.
class Ticket {
 public:
  Ticket(const Report& report, Language language) : report_(report), language_(language) {}

  std::string render() {
    title("Azure Backup support request", "Azure Backup サポート リクエスト");
    environment();
    verdict();
    runs();
    attached();
    missing();
    return std::move(out_);
  }

 private:
  std::string say(const char* en, const char* ja) const { return language_ == Language::ja ? ja : en; }
  void title(const char* en, const char* ja) { out_ += "== " + say(en, ja) + " ==\n"; }
  void heading(const char* en, const char* ja) { out_ += "\n[" + say(en, ja) + "]\n"; }
  void row(const std::string& name, const std::string& value) {
    out_ += name + ": " + (value.empty() ? say("(not known - please fill in)", "(不明 - ご記入ください)") : value) + "\n";
  }

  void environment() {
    heading("Environment", "環境情報");
    const Environment& host = report_.host;
    if (!report_.case_id.empty()) row(say("Case", "ケース番号"), report_.case_id);
    row(say("Subscription ID", "サブスクリプション ID"), host.azure.subscription_id);
    row(say("Recovery Services vault", "Recovery Services コンテナー"), host.vault);
    row(say("Resource group of the vault", "コンテナーのリソース グループ"), host.vault_resource_group);
    row(say("Virtual machine", "仮想マシン"), host.azure.vm.empty() ? host.host_name : host.azure.vm);
    row(say("Resource group of the VM", "仮想マシンのリソース グループ"), host.azure.resource_group);
    row(say("Operating system", "OS"), host.os);
    if (!host.azure.agent_version.empty()) row(say("VM agent", "VM エージェント"), host.azure.agent_version);
    if (!host.azure.extension_version.empty()) row(say("Backup extension", "バックアップ拡張機能"), host.azure.extension_version);
    for (const std::string& note : host.notes) out_ += "  - " + note + "\n";
  }

  void verdict() {
    heading("What was found", "検出された問題");
    if (report_.partial) out_ += say("The collection was ended early: it is a part.\n", "収集は途中で終了しました。一部のみです。\n");
    if (report_.findings.empty()) {
      out_ += report_.is_complete() ? say("Nothing wrong was found in the evidence.\n", "証跡に問題は見つかりませんでした。\n")
                                    : say("Nothing wrong was found in what could be read; evidence is missing.\n",
                                          "読み取れた範囲に問題はありませんが、不足している証跡があります。\n");
    }
    for (std::size_t i = 0; i < report_.findings.size(); ++i) finding(i + 1, report_.findings[i]);
  }

  void finding(std::size_t number, const Finding& finding) {
    out_ += std::to_string(number) + ". [" + std::string(name_of(finding.severity)) + "] " + finding.title.in(language_) + " (" +
            finding.rule_id + ", " + std::to_string(finding.count) + "x)\n";
    if (finding.last_seen) out_ += "   " + say("last seen ", "最終検出 ") + format_time(*finding.last_seen) + "\n";
    if (!finding.evidence.empty()) {
      const Evidence& evidence = finding.evidence.back();
      out_ += "   " + printable(evidence.origin) + (evidence.line ? ":" + std::to_string(*evidence.line) : "") + "\n   | " +
              evidence.excerpt + "\n";
    }
    out_ += "   " + say("To do: ", "対処: ") + finding.advice.in(language_) + "\n";
  }

  void runs() {
    if (report_.runs.empty()) return;
    heading("Consistency of the last backups", "直近のバックアップの整合性");
    constexpr std::size_t kShown = 10;
    for (std::size_t i = 0; i < std::min(kShown, report_.runs.size()); ++i) {
      const RunVerdict& run = report_.runs[i];
      out_ += (run.time ? format_time(*run.time) : "?") + "  " + std::string(name_of(run.level)) + "  " +
              run.because.in(language_) + "\n";
    }
  }

  void attached() {
    heading("Attached", "添付したログ");
    for (const RequestState& state : report_.request) {
      if (state.files > 0) out_ += "- " + state.item.text.in(language_) + ": " + std::to_string(state.files) + say(" file(s)", " ファイル") + "\n";
    }
    out_ += say("In all: ", "合計: ") + std::to_string(report_.files_read) + say(" files, ", " ファイル、") +
            format_size(report_.bytes_read) + "\n";
  }

  void missing() {
    heading("Asked for and missing, and why", "不足している情報とその理由");
    bool any = false;
    for (const RequestState& state : report_.request) {
      if (state.files > 0) continue;
      any = true;
      out_ += "- " + state.item.text.in(language_) + ": " + state.why_missing + "\n";
    }
    for (const ReadError& error : report_.errors) {
      any = true;
      out_ += "- " + error.error.what + "\n";
    }
    if (!any) out_ += say("Nothing.\n", "なし\n");
  }

  const Report& report_;
  Language language_;
  std::string out_;
};

}  // namespace

std::string render_ticket(const Report& report) {
  return Ticket(report, Language::en).render() + "\n\n" + Ticket(report, Language::ja).render();
}

std::string render_bundle_readme(const Report& report) {
  return "This zip was made by vmtriage " VMTRIAGE_VERSION + (report.host.host_name.empty() ? "" : " on " + report.host.host_name) +
         ".\n\n"
         "report.html    what was found and what to do; opens in any browser\n"
         "ticket.txt     the text for the support case\n"
         "findings.json  the same for programs\n"
         "manifest.json  every file: where it is from, its size, its SHA-256, or why it is absent\n"
         "files/         the originals under their own paths; of a text that was too long, its newest part\n"
         "commands/      what commands printed\n\n"
         "Passwords, keys, signatures and tokens were replaced by [redacted:kind:digits]; the same digits mean the same\n"
         "value. Files that were compressed on the VM are stored unpacked for that reason. Event logs (.evtx) are stored as\n"
         "they are: manifest.json says \"redacted\": false. Check this zip with: vmtriage verify FILE\n\n"
         "この zip は vmtriage が作成しました。\n\n"
         "report.html    検出結果と対処。ブラウザーで開けます\n"
         "ticket.txt     サポート ケース用の文面\n"
         "findings.json  プログラム用の同じ内容\n"
         "manifest.json  各ファイルの出所、サイズ、SHA-256、または欠けている理由\n"
         "files/         元のパスのままの原本。長すぎるテキストは新しい部分のみ\n"
         "commands/      コマンドの出力\n\n"
         "パスワード、キー、署名、トークンは [redacted:種類:番号] に置き換えられています。番号が同じなら同じ値です。\n"
         "そのため、VM 上で圧縮されていたファイルは展開して格納しています。イベント ログ (.evtx) はそのまま格納しています。\n"
         "確認方法: vmtriage verify FILE\n";
}

}  // namespace vmtriage
