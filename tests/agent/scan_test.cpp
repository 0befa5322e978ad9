#include "agent/scan.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <new>

namespace vmtriage {
namespace {

/// Texts that stand for files, as a source.
class TextSource : public Source {
 public:
  struct File {
    std::string origin;
    std::string text;
    std::optional<Error> failure;  ///< opening fails with it
    std::optional<Error> torn;     ///< reading fails with it behind the text
  };
  explicit TextSource(std::vector<File> files) : files_(std::move(files)) {}

  Result<std::optional<Item>> next() override {
    if (next_ == files_.size()) return std::optional<Item>();
    const File& file = files_[next_++];
    Item item;
    item.artifact.id = "text.unknown";
    item.artifact.origin = file.origin;
    item.artifact.modified = *make_time(2024, 6, 1, 0, 0, 0);
    item.open = [&file]() -> Result<OpenedItem> {
      if (file.failure) return *file.failure;
      OpenedItem opened;
      opened.read = [&file, at = std::size_t{0}](std::span<char> target) mutable -> Result<std::size_t> {
        if (at == file.text.size() && file.torn) return *file.torn;
        const std::size_t count = file.text.copy(target.data(), target.size(), at);
        at += count;
        return count;
      };
      return opened;
    };
    return std::optional<Item>(std::move(item));
  }
  bool is_sequential() const override { return false; }
  const LeftOutList& left_out() const override { return left_out_; }

 private:
  std::vector<File> files_;
  std::size_t next_ = 0;
  LeftOutList left_out_;
};

/// Keeps every block it is shown.
class Recorder : public Analyzer {
 public:
  explicit Recorder(std::string& seen) : seen_(seen) {}
  std::unique_ptr<Scan> scan(const Artifact&) const override {
    struct Keep : Scan {
      explicit Keep(std::string& target) : kept(target) {}
      void block(const Block& block, std::uint64_t) override { kept += block.text; }
      void finish(Insights&) override {}
      std::string& kept;
    };
    return std::make_unique<Keep>(seen_);
  }

 private:
  std::string& seen_;
};

/// Reports the file's first line, one and the same finding in all files, and takes the longer the earlier the file stands.
class FirstLines : public Analyzer {
 public:
  std::unique_ptr<Scan> scan(const Artifact& artifact) const override {
    struct First : Scan {
      explicit First(const Artifact& of) : artifact(of) {}
      void block(const Block& block, std::uint64_t) override { text += block.text; }
      void finish(Insights& insights) override {
        volatile std::size_t work = 0;
        for (std::size_t i = 0; i < text.size() * 50; ++i) work = work + i;
        Finding finding;
        finding.rule_id = "a.rule";
        finding.evidence.push_back(evidence_of(artifact, {text.substr(0, text.find('\n')), 1, false}));
        insights.findings.push_back(std::move(finding));
      }
      const Artifact& artifact;
      std::string text;
    };
    return std::make_unique<First>(artifact);
  }
};

struct Outcome {
  Report report;
  std::string seen;
};

Outcome scan_files(std::vector<TextSource::File> files, const std::atomic<bool>* stop = nullptr, TimeRange range = {}) {
  Outcome outcome;
  std::vector<std::unique_ptr<Analyzer>> analyzers;
  analyzers.push_back(std::make_unique<Recorder>(outcome.seen));
  TextSource source(std::move(files));
  ScanOptions options;
  options.threads = 1;
  options.range = range;
  const Redactor redactor;
  EXPECT_TRUE(scan(source, analyzers, redactor, nullptr, options, stop, outcome.report));
  return outcome;
}

TEST(ScanPass, UnreadableArtifactIsReportedAndTheRestIsScanned) {
  const auto outcome = scan_files({{"/a", "", Error{ErrorCode::access_denied, "/a: Permission denied"}, {}}, {"/b", "text of b\n", {}, {}}});
  ASSERT_EQ(outcome.report.errors.size(), 1u);
  EXPECT_EQ(outcome.report.errors[0].error.what, "/a: Permission denied");
  EXPECT_EQ(outcome.seen, "text of b\n");
  EXPECT_EQ(outcome.report.exit_code(), 3);
}

TEST(ScanPass, WhatWasReadBeforeAnErrorIsAnalyzed) {
  const auto outcome = scan_files({{"/a.gz", "first half\n", {}, Error{ErrorCode::corrupt, "/a.gz: breaks off"}}});
  EXPECT_EQ(outcome.seen, "first half\n");
  ASSERT_EQ(outcome.report.errors.size(), 1u);
  EXPECT_EQ(outcome.report.errors[0].error.what, "/a.gz: breaks off");
}

TEST(ScanPass, AnalyzersSeeOnlyRedactedText) {
  const auto outcome = scan_files({{"/a", "GET https://x.blob.core.windows.net/c?sv=2020&sig=abcdefghijklmnopqrstuvwxyz0123456789%3D&se=1\n", {}, {}}});
  EXPECT_EQ(outcome.seen.find("abcdefghijklmnop"), std::string::npos);
  EXPECT_NE(outcome.seen.find("[redacted:sas-signature:"), std::string::npos);
}

TEST(ScanPass, WhatIsThrownInAnyOfItsThreadsIsThrownByIt) {
  struct Hungry : Analyzer {
    struct Eats : Scan {
      void block(const Block&, std::uint64_t) override { throw std::bad_alloc(); }
      void finish(Insights&) override {}
    };
    std::unique_ptr<Scan> scan(const Artifact&) const override { return std::make_unique<Eats>(); }
  };
  std::vector<std::unique_ptr<Analyzer>> analyzers;
  analyzers.push_back(std::make_unique<Hungry>());
  for (const unsigned threads : {1u, 4u}) {
    TextSource source({{"/a", "text\n", {}, {}}, {"/b", "text\n", {}, {}}});
    ScanOptions options;
    options.threads = threads;
    Report report;
    EXPECT_THROW(static_cast<void>(scan(source, analyzers, Redactor(), nullptr, options, nullptr, report)), std::bad_alloc);
  }
}

TEST(ScanPass, Utf16IsDecodedForAnalysis) {
  const auto outcome = scan_files({{"/a", "\xff\xfe" + utf8_to_utf16("VSS ライター\nfailed\n"), {}, {}}});
  EXPECT_EQ(outcome.seen, "VSS ライター\nfailed\n");
}

TEST(ScanPass, AStopEndsItAndMarksTheReport) {
  const std::atomic<bool> stop = true;
  const auto outcome = scan_files({{"/a", "text\n", {}, {}}}, &stop);
  EXPECT_TRUE(outcome.report.partial);
  EXPECT_EQ(outcome.report.files_read, 0u);
}

TEST(ScanPass, ATimeRangeCutsTextsByTheirOwnClock) {
  const auto outcome = scan_files({{"/a", "2024-05-01T00:00:00Z old\n2024-05-03T00:00:00Z new\n", {}, {}}}, nullptr,
                                  {make_time(2024, 5, 2, 0, 0, 0), std::nullopt});
  EXPECT_EQ(outcome.seen, "2024-05-03T00:00:00Z new\n");
}

TEST(ScanPass, ContentTellsWhatAFileIsWhenItsNameDoesNot) {
  const std::pair<const char*, const char*> kHeads[] = {
      {"2024-05-30T13:15:45.33Z INFO ExtHandler ExtHandler x", "linux.waagent.log"},
      {"2016/12/10 01:11:00 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]x", "linux.vmsnapshot.extension-log"},
      {"2024-02-08 14:10:41.266 backint started:\n", "linux.hana.backint-log"},
      {"2025-06-18T00:26:08-04:00  P0007897      1978149802f INFO    LOGBCKUP state", "linux.hana.backup-log"},
      {"[{\"version\":\"1.0\",\"timestampUTC\":\"x\",\"status\":{}}]", "linux.status-json"},
      {"anything else", "text.unknown"}};
  for (const auto& [head, id] : kHeads) EXPECT_EQ(recognise_content(head), id) << head;
}

std::string packed(const std::string& message) {
  std::string bytes(compressBound(message.size()), '\0');
  uLongf size = bytes.size();
  compress2(reinterpret_cast<Bytef*>(bytes.data()), &size, reinterpret_cast<const Bytef*>(message.data()), message.size(), 6);
  bytes.resize(size);
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) out += i + k > bytes.size() ? '=' : kAlphabet[bits >> (18 - 6 * k) & 63];
  }
  return out;
}

TEST(ScanPass, APackedMessageWithASecretIsTakenOut) {
  const Redactor redactor;
  std::string storage;
  const std::string secret = "x message=" + packed("AccountKey=" + std::string(86, 'K') + "==;EndpointSuffix=core.windows.net") + ", duration=0\n";
  EXPECT_EQ(redact_packed_messages(redactor, secret, storage), "x message=[redacted:packed-message], duration=0\n");
  const std::string harmless = "x message=" + packed("Agent launched, nothing to hide here, all is well") + ", duration=0\n";
  EXPECT_EQ(redact_packed_messages(redactor, harmless, storage), harmless);
}

TEST(ScanPass, TheReportDoesNotDependOnTheNumberOfThreads) {
  std::vector<TextSource::File> files;
  for (int i = 0; i < 40; ++i) {
    files.push_back({"/" + std::to_string(i), "line of file " + std::to_string(i) + "\n" + std::string(1000 * (40 - i), 'x'), {}, {}});
  }
  const auto excerpts_with = [&](unsigned threads) {
    std::vector<std::unique_ptr<Analyzer>> analyzers;
    analyzers.push_back(std::make_unique<FirstLines>());
    TextSource source(files);
    ScanOptions options;
    options.threads = threads;
    const Redactor redactor;
    Report report;
    EXPECT_TRUE(scan(source, analyzers, redactor, nullptr, options, nullptr, report));
    std::vector<std::string> excerpts;
    for (const Evidence& evidence : report.findings.at(0).evidence) excerpts.push_back(evidence.excerpt);
    return excerpts;
  };
  const std::vector<std::string> alone = excerpts_with(1);
  EXPECT_EQ(alone.at(0), "line of file 0");
  EXPECT_EQ(excerpts_with(2), alone);
  EXPECT_EQ(excerpts_with(8), alone);
}

}  // namespace
}  // namespace vmtriage
