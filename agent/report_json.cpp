#include <nlohmann/json.hpp>

#include "agent/report.h"

namespace vmtriage {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json time_or_null(const std::optional<Time>& time) { return time ? Json(format_time(*time)) : Json(); }

Json to_json(const Evidence& evidence) {
  return {{"artifact", evidence.artifact},
          {"origin", printable(evidence.origin)},
          {"line", or_null(evidence.line)},
          {"record_id", or_null(evidence.record_id)},
          {"time", time_or_null(evidence.time)},
          {"clock", name_of(evidence.clock)},
          {"excerpt", evidence.excerpt}};
}

Json to_json(const std::vector<Evidence>& evidence) {
  Json list = Json::array();
  for (const Evidence& one : evidence) list.push_back(to_json(one));
  return list;
}

Json to_json(const Finding& finding, Language language) {
  return {{"rule_id", finding.rule_id},
          {"severity", name_of(finding.severity)},
          {"title", finding.title.in(language)},
          {"component", finding.component},
          {"advice", finding.advice.in(language)},
          {"owner", finding.owner},
          {"codes", finding.codes},
          {"reference", finding.reference},
          {"count", finding.count},
          {"first_seen", time_or_null(finding.first_seen)},
          {"last_seen", time_or_null(finding.last_seen)},
          {"evidence", to_json(finding.evidence)}};
}

Json host_json(const Environment& host) {
  return {{"name", host.host_name},
          {"os", host.os},
          {"kernel", host.kernel},
          {"platform", host.platform},
          {"azure",
           {{"subscription_id", host.azure.subscription_id},
            {"resource_group", host.azure.resource_group},
            {"vm", host.azure.vm},
            {"vm_id", host.azure.vm_id},
            {"location", host.azure.location},
            {"vm_size", host.azure.vm_size},
            {"agent_version", host.azure.agent_version},
            {"extension_version", host.azure.extension_version},
            {"vault", host.vault},
            {"vault_resource_group", host.vault_resource_group}}}};
}

Json verdict_json(const Report& report, Language language) {
  Json runs = Json::array();
  for (const RunVerdict& run : report.runs) {
    runs.push_back({{"time", time_or_null(run.time)},
                    {"level", name_of(run.level)},
                    {"because", run.because.in(language)},
                    {"evidence", to_json(run.evidence)}});
  }
  const auto worst = report.worst();
  return {{"worst", worst ? name_of(*worst) : "none"}, {"complete", report.is_complete()}, {"consistency", runs}};
}

Json artifacts_json(const Report& report) {
  Json left_out = Json::array();
  for (const LeftOut& entry : report.left_out.entries()) {
    Json row = {{"id", entry.id}, {"origin", printable(entry.origin)}, {"reason", entry.reason}};
    if (entry.count > 1) row["count"] = entry.count;
    left_out.push_back(std::move(row));
  }
  return {{"read", report.files_read}, {"bytes", report.bytes_read}, {"left_out", left_out}};
}

}  // namespace

std::string render_json(const Report& report, Language language) {
  Json document = {{"schema", 1},
                   {"tool", {{"name", "vmtriage"}, {"version", VMTRIAGE_VERSION}}},
                   {"host", host_json(report.host)},
                   {"verdict", verdict_json(report, language)}};
  document["findings"] = Json::array();
  for (const Finding& finding : report.findings) document["findings"].push_back(to_json(finding, language));
  document["artifacts"] = artifacts_json(report);
  document["errors"] = Json::array();
  for (const ReadError& error : report.errors) {
    document["errors"].push_back(
        {{"origin", printable(error.origin)}, {"code", name_of(error.error.code)}, {"what", error.error.what}});
  }
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace vmtriage
