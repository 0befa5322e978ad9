#include "collectors/environment.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <pugixml.hpp>

#include "agent/base/text.h"
#include "collectors/files.h"
#include "collectors/http.h"
#include "collectors/linux_host.h"
#include "collectors/windows_host.h"

namespace vmtriage {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxDocumentBytes = 4 << 20;
constexpr int kMaxDepth = 64;
/// Longer than any name or id of Azure; what exceeds it is no such thing.
constexpr std::size_t kMaxFieldBytes = 256;
constexpr std::string_view kImdsPath = "/metadata/instance?api-version=2021-02-01";
constexpr std::string_view kImdsName = "instance metadata service: ";
constexpr std::string_view kBackupExtension = "Microsoft.Azure.RecoveryServices.VMSnapshot";

struct FieldName {
  std::string AzureVm::*field;
  const char* key;
};

constexpr std::array<FieldName, 10> kImdsFields = {{{&AzureVm::subscription_id, "subscriptionId"},
                                                    {&AzureVm::resource_group, "resourceGroupName"},
                                                    {&AzureVm::vm, "name"},
                                                    {&AzureVm::vm_id, "vmId"},
                                                    {&AzureVm::location, "location"},
                                                    {&AzureVm::vm_size, "vmSize"},
                                                    {&AzureVm::publisher, "publisher"},
                                                    {&AzureVm::offer, "offer"},
                                                    {&AzureVm::sku, "sku"},
                                                    {&AzureVm::zone, "zone"}}};

constexpr std::array<FieldName, 6> kVmSettingsFields = {{{&AzureVm::subscription_id, "subscriptionId"},
                                                         {&AzureVm::resource_group, "resourceGroupName"},
                                                         {&AzureVm::vm, "vmName"},
                                                         {&AzureVm::vm_id, "vmId"},
                                                         {&AzureVm::location, "location"},
                                                         {&AzureVm::vm_size, "vmSize"}}};

/// With the names that the notes use.
constexpr std::array<FieldName, 12> kAllFields = {{{&AzureVm::subscription_id, "subscription"},
                                                   {&AzureVm::resource_group, "resource group"},
                                                   {&AzureVm::vm, "VM name"},
                                                   {&AzureVm::vm_id, "VM id"},
                                                   {&AzureVm::location, "location"},
                                                   {&AzureVm::vm_size, "VM size"},
                                                   {&AzureVm::publisher, "image publisher"},
                                                   {&AzureVm::offer, "image offer"},
                                                   {&AzureVm::sku, "image SKU"},
                                                   {&AzureVm::zone, "zone"},
                                                   {&AzureVm::agent_version, "agent version"},
                                                   {&AzureVm::extension_version, "backup extension version"}}};

// ---- JSON -----------------------------------------------------------------------------------------------------------

/// Counts brackets outside of strings, before a parser allocates anything for them.
bool is_nested_too_deep(std::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
      continue;
    }
    in_string = c == '"';
    if ((c == '{' || c == '[') && ++depth > kMaxDepth) return true;
    if (c == '}' || c == ']') --depth;
  }
  return false;
}

/// Nothing when it is no object.
std::optional<Json> parse_object(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (text.size() > kMaxDocumentBytes || is_nested_too_deep(text)) return std::nullopt;
  Json document = Json::parse(text, nullptr, false);
  if (!document.is_object()) return std::nullopt;
  return document;
}

/// The member, or null when `parent` is no object or has none of that name.
const Json& member(const Json& parent, const char* key) {
  static const Json kNull;
  if (!parent.is_object()) return kNull;
  const auto found = parent.find(key);
  return found == parent.end() ? kNull : *found;
}

/// Fit for a report, whatever stood there; empty when it is too long to be what it should be.
std::string clean(std::string_view value) {
  const std::string_view text = trim(value);
  return text.size() > kMaxFieldBytes ? std::string() : printable(text);
}

std::string text_member(const Json& parent, const char* key) {
  const auto* value = member(parent, key).get_ptr<const std::string*>();
  return value == nullptr ? std::string() : clean(*value);
}

template <std::size_t N>
AzureVm read_fields(const Json& object, const std::array<FieldName, N>& names) {
  AzureVm vm;
  for (const FieldName& name : names) vm.*name.field = text_member(object, name.key);
  return vm;
}

Error corrupt(std::string what) { return {ErrorCode::corrupt, std::move(what)}; }

// ---- XML ------------------------------------------------------------------------------------------------------------

bool is_nested_too_deep(const pugi::xml_document& document) {
  int depth = 0;
  for (pugi::xml_node node = document.first_child(); node;) {
    if (node.first_child()) {
      if (++depth > kMaxDepth) return true;
      node = node.first_child();
      continue;
    }
    while (node && !node.next_sibling()) {
      node = node.parent();
      --depth;
    }
    node = node.next_sibling();
  }
  return false;
}

/// The document's outermost element, or nothing when it is not well-formed.
bool load_xml(pugi::xml_document& document, std::string_view xml) {
  if (xml.size() > kMaxDocumentBytes) return false;
  return document.load_buffer(xml.data(), xml.size()) && !is_nested_too_deep(document);
}

// ---- names ----------------------------------------------------------------------------------------------------------

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_guid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

/// `_IN_0` behind the name of a role in a classic deployment.
std::string_view without_instance_number(std::string_view role) {
  const std::size_t mark = role.rfind("_IN_");
  if (mark == std::string_view::npos || mark == 0) return role;
  const std::string_view number = role.substr(mark + 4);
  const bool digits = !number.empty() && number.find_first_not_of("0123456789") == std::string_view::npos;
  return digits ? role.substr(0, mark) : role;
}

/// Value of `KEY=value` or `KEY="value with \"escapes\""`.
std::string unquote(std::string_view value) {
  value = trim(value);
  const bool quoted =
      value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
  if (!quoted) return clean(value);
  value = value.substr(1, value.size() - 2);
  std::string plain;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) ++i;
    plain += value[i];
  }
  return clean(plain);
}

/// The version that starts `text`: `2.9.1.1)` → `2.9.1.1`.
std::string leading_version(std::string_view text) {
  text = trim(text);
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  std::string_view version = text.substr(0, end);
  while (version.ends_with('.')) version.remove_suffix(1);
  return version.find('.') == std::string_view::npos || version.size() > kMaxFieldBytes ? "" : std::string(version);
}

/// What follows `mark` in `line`; nothing when it is not there.
std::optional<std::string_view> behind(std::string_view line, std::string_view mark) {
  const std::size_t at = line.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  return line.substr(at + mark.size());
}

// ---- the instance metadata service ----------------------------------------------------------------------------------

/// `169.254.169.254:80`, `127.0.0.1:8080`, `[::1]:8080`.
Result<HttpRequest> imds_request(const EnvironmentQuery& query) {
  const std::string_view address = query.imds_address;
  const std::size_t colon = address.rfind(':');
  HttpRequest request;
  const std::string_view port = colon == std::string_view::npos ? std::string_view() : address.substr(colon + 1);
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), request.port);
  if (port.empty() || parsed.ec != std::errc() || parsed.ptr != port.data() + port.size()) {
    return Error{ErrorCode::unsupported, printable(address) + ": not ADDRESS:PORT"};
  }
  std::string_view host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  request.address = host;
  request.path = kImdsPath;
  request.headers = {{"Metadata", "true"}};
  request.timeout_ms = query.imds_timeout_ms;
  return request;
}

Result<AzureVm> ask_imds(const EnvironmentQuery& query, const std::atomic<bool>* stop) {
  const Result<HttpRequest> request = imds_request(query);
  if (!request) return request.error();
  const Result<HttpReply> reply = http_get(*request, stop);
  if (!reply) return reply.error();
  if (reply->status != 200) return Error{ErrorCode::io, "answered with HTTP status " + std::to_string(reply->status)};
  return parse_instance_metadata(reply->body);
}

}  // namespace

Environment read_environment(const EnvironmentQuery& query, const std::atomic<bool>* stop) {
  Environment environment;
  if (query.root.empty()) {
    const Result<AzureVm> vm = ask_imds(query, stop);
    environment.is_azure = vm.ok();
    environment.notes.push_back(std::string(kImdsName) + (vm ? fill_missing(environment.azure, *vm) : vm.error().what));
  }
  if (query.root.empty()) {
    read_this_host(environment);
  } else if (os_of_root(query.root) == "windows") {
    read_windows_host(query.root, environment);
  } else {
    read_linux_host(query.root, environment);
  }
  return environment;
}

std::string fill_missing(AzureVm& target, const AzureVm& source) {
  std::vector<std::string> filled;
  for (const FieldName& name : kAllFields) {
    if (!(target.*name.field).empty() || (source.*name.field).empty()) continue;
    target.*name.field = source.*name.field;
    filled.emplace_back(name.key);
  }
  return join(filled, ", ");
}

Result<AzureVm> parse_instance_metadata(std::string_view json) {
  const std::optional<Json> document = parse_object(json);
  if (!document) return corrupt("the answer is not the JSON of the instance metadata service");
  const Json& cached = member(member(member(*document, "ds"), "meta_data"), "imds");
  const Json& compute = member(cached.is_object() ? cached : *document, "compute");
  AzureVm vm = read_fields(compute, kImdsFields);
  if (vm.subscription_id.empty() && vm.vm_id.empty()) return corrupt("the answer names no Azure VM");
  return vm;
}

Result<AzureVm> parse_vm_settings(std::string_view json) {
  const std::optional<Json> document = parse_object(json);
  if (!document) return corrupt("not a JSON object");
  AzureVm vm = read_fields(member(*document, "inVMMetadata"), kVmSettingsFields);
  if (vm.subscription_id.empty() && vm.vm.empty()) return corrupt("no inVMMetadata");
  return vm;
}

Result<AgentStatus> parse_agent_status(std::string_view json) {
  const std::optional<Json> document = parse_object(json);
  if (!document) return corrupt("not a JSON object");
  const Json& aggregate = member(*document, "aggregateStatus");
  const Json& guest = member(*document, "guestOSInfo");
  AgentStatus status;
  status.agent_version = text_member(member(aggregate, "guestAgentStatus"), "version");
  status.host_name = text_member(guest, "computerName");
  status.os = std::string(trim(text_member(guest, "osName") + " " + text_member(guest, "osVersion")));
  const Json& handlers = member(aggregate, "handlerAggregateStatus");
  if (!handlers.is_array()) return status;
  for (const Json& handler : handlers) {
    if (!starts_with_no_case(text_member(handler, "handlerName"), kBackupExtension)) continue;
    status.extension_version = text_member(handler, "handlerVersion");
  }
  return status;
}

std::string vm_name_of_role(std::string_view role) {
  if (role.size() > 37 && role[36] == '.' && is_guid(role.substr(0, 36))) role.remove_prefix(37);
  if (role.starts_with('_')) role.remove_prefix(1);
  role = without_instance_number(role);
  return is_guid(role) ? std::string() : clean(role);
}

Result<std::string> parse_role_name(std::string_view xml) {
  pugi::xml_document document;
  if (!load_xml(document, xml)) return corrupt("not the XML of the agent");
  const pugi::xml_node outermost = document.document_element();
  const std::string instance = vm_name_of_role(outermost.child("Incarnation").attribute("instance").value());
  if (!instance.empty()) return instance;
  const std::string role = vm_name_of_role(outermost.child("Role").attribute("name").value());
  if (role.empty()) return corrupt("no role name");
  return role;
}

Result<std::string> parse_goal_state_vm(std::string_view xml) {
  pugi::xml_document document;
  if (!load_xml(document, xml)) return corrupt("not the XML of the agent");
  const pugi::xml_node instances = document.child("GoalState").child("Container").child("RoleInstanceList");
  const std::string vm = vm_name_of_role(instances.child("RoleInstance").child("InstanceId").text().get());
  if (vm.empty()) return corrupt("no role instance");
  return vm;
}

AgentLogFacts parse_agent_log(std::string_view text) {
  static constexpr std::array<std::string_view, 4> kVersionMarks = {
      "Azure Linux Agent (Goal State Agent version ",
      "Azure Linux Agent Version:", "Azure Linux Agent Version: ", "Agent WALinuxAgent-"};
  AgentLogFacts facts;
  for (const std::string_view line : split_lines(text)) {
    for (const std::string_view mark : kVersionMarks) {
      const auto rest = behind(line, mark);
      // "Agent WALinuxAgent-x" also stands in lines about agents that are not running.
      if (!rest || (mark.back() == '-' && rest->find("is running as the goal state agent") == std::string_view::npos)) {
        continue;
      }
      const std::string version = leading_version(*rest);
      if (!version.empty()) facts.agent_version = version;
    }
    const auto os = behind(line.substr(0, std::min<std::size_t>(line.size(), 512)), " OS: ");
    if (os && !trim(*os).empty()) facts.os = clean(*os);
  }
  return facts;
}

std::string parse_os_release(std::string_view text) {
  std::string pretty, name, version;
  for (const std::string_view line : split_lines(text)) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = trim(line.substr(0, equals));
    if (key == "PRETTY_NAME") pretty = unquote(line.substr(equals + 1));
    if (key == "NAME") name = unquote(line.substr(equals + 1));
    if (key == "VERSION") version = unquote(line.substr(equals + 1));
  }
  return pretty.empty() ? std::string(trim(name + " " + version)) : pretty;
}

std::string vm_id_of_system_uuid(std::string_view uuid, bool generation_1) {
  const std::string id = to_lower(trim(uuid));
  if (!is_guid(id)) return {};
  if (!generation_1) return id;
  const auto swapped = [&id](std::size_t begin, std::size_t end) {
    std::string out;
    for (std::size_t i = end; i > begin; i -= 2) out += id.substr(i - 2, 2);
    return out;
  };
  return swapped(0, 8) + "-" + swapped(9, 13) + "-" + swapped(14, 18) + id.substr(18);
}

}  // namespace vmtriage
