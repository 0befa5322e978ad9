#include "agent/manifest.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace vmtriage {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kSchema = 1;
constexpr std::size_t kMaxDepth = 32;
/// A line may be two bytes long: without a limit, a small text would fill the memory.
constexpr std::size_t kMaxLeftOut = 1 << 20;
constexpr std::size_t kSha256Digits = 64;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json to_json(const ManifestEntry& entry) {
  Json json = {
      {"path", entry.bundle_path}, {"id", entry.id}, {"origin", printable(entry.origin)}, {"size", entry.size}};
  if (entry.modified) json["mtime"] = format_time(*entry.modified);
  json["sha256"] = entry.sha256;
  json["redacted"] = entry.redacted;
  if (entry.redacted) json["redactions"] = entry.redactions;
  if (entry.truncated > 0) json["truncated"] = entry.truncated;
  if (!entry.decoded.empty()) json["decoded"] = entry.decoded;
  if (!entry.obtained.empty()) json["obtained"] = entry.obtained;
  if (!entry.error.empty()) json["error"] = entry.error;
  return json;
}

Json to_json(const ManifestHead& head) {
  Json environment = Json::object();
  for (const auto& [name, value] : head.environment) environment[name] = value;
  return {{"schema", kSchema},       {"tool", head.tool},
          {"bundle", head.bundle},   {"created", format_time(head.created)},
          {"partial", head.partial}, {"environment", environment}};
}

/// `2024-05-01T02:03:04Z`, as format_time writes it.
std::optional<Time> read_time(const std::string& text) {
  return text.size() == 20 ? parse_user_time(text, Time{}) : std::nullopt;
}

/// A scalar of any type; a text or a number keeps its value, the rest is as good as missing.
struct Scalar {
  std::string text;
  std::uint64_t number = 0;
  bool yes = false;
};

void set_field(ManifestEntry& entry, const std::string& key, const Scalar& value) {
  if (key == "path") entry.bundle_path = value.text;
  if (key == "id") entry.id = value.text;
  if (key == "origin") entry.origin = value.text;
  if (key == "size") entry.size = value.number;
  if (key == "mtime") entry.modified = read_time(value.text);
  if (key == "sha256") entry.sha256 = value.text;
  if (key == "redacted") entry.redacted = value.yes;
  if (key == "redactions") entry.redactions = value.number;
  if (key == "truncated") entry.truncated = value.number;
  if (key == "decoded") entry.decoded = value.text;
  if (key == "obtained") entry.obtained = value.text;
  if (key == "error") entry.error = value.text;
}

void set_field(LeftOut& left_out, const std::string& key, const Scalar& value) {
  if (key == "id") left_out.id = value.text;
  if (key == "origin") left_out.origin = value.text;
  if (key == "reason") left_out.reason = value.text;
  if (key == "count") left_out.count = value.number;
}

/// Takes the events of the JSON parser, which keeps no stack, and builds only the records that are known.
class ManifestReader : public nlohmann::json_sax<Json> {
 public:
  Manifest manifest;
  std::string failure;
  bool has_files = false;
  std::uint64_t schema = 0;

  bool null() override { return scalar({}); }
  bool boolean(bool value) override { return scalar({.text = {}, .number = 0, .yes = value}); }
  bool number_integer(number_integer_t) override { return scalar({}); }
  bool number_unsigned(number_unsigned_t value) override { return scalar({.text = {}, .number = value, .yes = false}); }
  bool number_float(number_float_t, const string_t&) override { return scalar({}); }
  bool string(string_t& value) override { return scalar({.text = std::move(value), .number = 0, .yes = false}); }
  bool binary(binary_t&) override { return scalar({}); }

  bool key(string_t& value) override {
    if (depth_ == 1) section_ = value;
    key_ = std::move(value);
    return true;
  }

  bool start_object(std::size_t) override {
    if (depth_ == 0) is_object_ = true;
    if (depth_ == 2 && in_list_ && section_ == "files") manifest.files.emplace_back();
    if (depth_ == 2 && in_list_ && section_ == "left_out") manifest.left_out.emplace_back();
    if (manifest.left_out.size() > kMaxLeftOut) return fail("too many lines are left out");
    return enter();
  }
  bool end_object() override {
    --depth_;
    if (depth_ == 2 && in_list_ && section_ == "files") return check(manifest.files.back());
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ == 0) return fail("not an object");
    if (depth_ == 2 && in_list_ && is_known_list()) return fail(section_ + " is not a list of objects");
    if (depth_ == 1) {
      in_list_ = true;
      has_files = has_files || section_ == "files";
    }
    return enter();
  }
  bool end_array() override {
    if (--depth_ == 1) in_list_ = false;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
    return fail("not JSON at byte " + std::to_string(position));
  }

 private:
  bool fail(std::string reason) {
    if (failure.empty()) failure = std::move(reason);
    return false;
  }

  bool is_known_list() const { return section_ == "files" || section_ == "left_out"; }

  bool enter() { return ++depth_ <= kMaxDepth || fail("nested too deep"); }

  bool scalar(Scalar value) {
    if (!is_object_) return fail("not an object");
    if (depth_ == 1) set_head(value);
    if (depth_ == 2 && !in_list_ && section_ == "environment") {
      manifest.head.environment.emplace_back(key_, std::move(value.text));
    }
    if (depth_ == 3 && in_list_ && section_ == "files") set_field(manifest.files.back(), key_, value);
    if (depth_ == 3 && in_list_ && section_ == "left_out") set_field(manifest.left_out.back(), key_, value);
    return true;
  }

  void set_head(const Scalar& value) {
    if (key_ == "schema") schema = value.number;
    if (key_ == "tool") manifest.head.tool = value.text;
    if (key_ == "bundle") manifest.head.bundle = value.text;
    if (key_ == "created") manifest.head.created = read_time(value.text).value_or(Time{});
    if (key_ == "partial") manifest.head.partial = value.yes;
  }

  bool check(const ManifestEntry& entry) {
    if (entry.bundle_path.empty()) return fail("file " + std::to_string(manifest.files.size()) + " has no path");
    const bool digits = entry.sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (entry.sha256.size() == kSha256Digits && digits) return true;
    return fail(printable(shorten(entry.bundle_path, 200)) + " has no sha256");
  }

  std::size_t depth_ = 0;
  bool is_object_ = false;
  bool in_list_ = false;
  std::string section_;  ///< the key of the outermost object that is being read
  std::string key_;
};

}  // namespace

ManifestWriter::ManifestWriter(Write write) : write_(std::move(write)) {}

Status ManifestWriter::begin(const ManifestHead& head) {
  std::string text = dump(to_json(head));
  text.pop_back();  // the object goes on
  return write_(text + ",\n\"files\": [");
}

Status ManifestWriter::add(const ManifestEntry& entry) { return put(Part::files, dump(to_json(entry))); }

Status ManifestWriter::leave_out(const LeftOut& left_out) {
  const Json json = {{"id", left_out.id},
                     {"origin", printable(left_out.origin)},
                     {"reason", left_out.reason},
                     {"count", left_out.count}};
  return put(Part::left_out, dump(json));
}

Status ManifestWriter::finish() {
  Status begun = put(Part::left_out, "");
  return begun ? write_("\n]}\n") : begun;
}

/// A line of the list `part`, which is begun with its first one. An empty line only begins it.
Status ManifestWriter::put(Part part, const std::string& line) {
  if (part != part_) {
    part_ = part;
    first_ = true;
    if (Status begun = write_("\n],\n\"left_out\": ["); !begun) return begun;
  }
  if (line.empty()) return Done{};
  const std::string separator = std::exchange(first_, false) ? "\n" : ",\n";
  return write_(separator + line);
}

Result<Manifest> read_manifest(std::string_view json) {
  ManifestReader reader;
  Json::sax_parse(json.begin(), json.end(), &reader);
  const auto corrupt = [](const std::string& reason) { return Error{ErrorCode::corrupt, "manifest.json: " + reason}; };
  if (!reader.failure.empty()) return corrupt(reader.failure);
  if (reader.schema > kSchema) {
    return Error{ErrorCode::unsupported,
                 "manifest.json: schema " + std::to_string(reader.schema) + " is newer than this program"};
  }
  if (reader.schema == 0) return corrupt("no schema");
  if (!reader.has_files) return corrupt("no list of files");
  return std::move(reader.manifest);
}

}  // namespace vmtriage
