#include "analyzers/vss_writers.h"

#include "agent/base/text.h"

namespace vmtriage {
namespace {

constexpr VssWriter kWriters[] = {
    {"System Writer", "e8132975-6f93-4464-a53e-1050253ae220", "CryptSvc", "windows"},
    {"Registry Writer", "afbab4a2-367d-4d15-a586-71dbb18f8485", "VSS", "windows"},
    {"COM+ REGDB Writer", "542da469-d3e1-473c-9f4f-7847f01fc64f", "VSS", "windows"},
    {"ASR Writer", "be000cbe-11fe-4426-9c58-531aa6355fc4", "VSS", "windows"},
    {"Shadow Copy Optimization Writer", "4dc3bdd4-ab48-4d07-adb0-3bee2926fd7f", "VSS", "windows"},
    {"VSS Metadata Store Writer", "75dfb225-e2e4-4d39-9ac9-ffaff65ddf06", "VSS", "windows"},
    {"Performance Counters Writer", "0bada1de-01a9-4625-8278-69e735f39dd2", "VSS", "windows"},
    {"Task Scheduler Writer", "d61d61c8-d73a-4eee-8cdd-f6f9786b7124", "VSS", "windows"},
    {"WMI Writer", "a6ad56c2-b509-4e6c-bb19-49d8f43532f0", "Winmgmt", "windows"},
    {"BITS Writer", "4969d978-be47-48b0-b100-f328f07ac1e0", "BITS", "windows"},
    {"MSSearch Service Writer", "cd3f2362-8bef-46c7-9181-d62844cdc0b2", "WSearch", "windows"},
    {"Cluster Database", "41e12264-35d8-479b-8e5c-9b23d1dad37e", "ClusSvc", "windows"},
    {"Cluster Shared Volume VSS Writer", "1072ae1c-e5a7-4ea1-9e4a-6f7964656570", "ClusSvc", "windows"},
    {"Dedup Writer", "41db4dbf-6046-470e-8ad5-d5081dfb1b70", "DdpSvc", "windows"},
    {"DFS Replication service writer", "2707761b-2324-473d-88eb-eb007a359533", "DFSR", "windows"},
    {"FRS Writer", "d76f5a28-3092-4589-ba48-2958fb88ce29", "NtFrs", "windows"},
    {"FSRM Writer", "12ce4370-5bb7-4c58-a76a-e5d5097e3674", "srmsvc", "windows"},
    {"Sync Share Service Writer", "d46bf321-fdba-4a35-8ec3-454df03bc86a", "SyncShareSvc", "windows"},
    {"NTDS", "b2014c9e-8711-4c5c-a5a9-3cf384484757", "NTDS", "windows"},
    {"ADAM VSS Writer", "dd846aaa-a1b6-42a8-aaf8-03dcb6114bfd", "", "windows"},
    {"AD FS Writer", "772c45f8-ae01-4f94-940c-94961864acad", "adfssrv", "windows"},
    {"AD RMS Writer", "886c43b1-d455-4428-a37f-4d6b9e43f50f", "", "windows"},
    {"Certificate Authority", "6f5b15b5-da24-4d88-b737-63063e3a1f86", "CertSvc", "windows"},
    {"DHCP Jet Writer", "be9ac81e-3619-421f-920f-4c6fea9e93ad", "DHCPServer", "windows"},
    {"WINS Jet Writer", "f08c1483-8407-4a26-8c26-6c267a629741", "WINS", "windows"},
    {"NPS VSS Writer", "35e81631-13e1-48db-97fc-d5bc721bb18a", "IAS", "windows"},
    {"IIS Config Writer", "2a40fd15-dfca-4aa8-a654-1f8c654603f6", "AppHostSvc", "windows"},
    {"IIS Metabase Writer", "59b1f0cf-90ef-465f-9609-6ca8b2938366", "IISADMIN", "windows"},
    {"MSMQ Writer (MSMQ)", "7e47b561-971a-46e6-96b9-696eeaa53b2a", "MSMQ", "windows"},
    {"Microsoft Hyper-V VSS Writer", "66841cd4-6ded-4f4b-8f17-fd23f8ddc3de", "vmms", "windows"},
    {"TS Gateway Writer", "368753ec-572e-4fc7-b4b9-ccd9bdc624cb", "TSGateway", "windows"},
    {"TermServLicensing", "5382579c-98df-47a7-ac6c-98a6d7106e09", "TermServLicensing", "windows"},
    {"WDS VSS Writer", "82cb5521-68db-4626-83a4-7fc6f88853e9", "WDSServer", "windows"},
    {"WIDWriter", "8d5194e1-e455-434a-b2e5-51296cce67df", "WIDWriter", "windows"},
    {"SqlServerWriter", "a65faa63-5ea8-4ebc-9dbd-a0c4db26912a", "SQLWriter", "sql"},
    {"MSDEWriter", "f8544ac1-0611-4fa5-b04b-f7ee00b03277", "VSS", "sql"},
    {"Microsoft Exchange Writer", "76fe1ac4-15f7-4bcd-987e-8e1acb462fb7", "MSExchangeIS", "windows"},
    {"Microsoft Exchange Replica Writer", "", "MSExchangeRepl", "windows"},
    {"SharePoint Services Writer", "da452614-4858-5e53-a512-38aab25c61ad", "SPWriter", "windows"},
    {"SharePoint Services Writer", "c2f52614-5e53-4858-a589-38eeb25c6184", "SPWriter", "windows"},
    {"OSearch14 VSS Writer", "0ff1ce14-0201-0000-0000-000000000000", "OSearch14", "windows"},
    {"OSearch15 VSS Writer", "0ff1ce15-0201-0000-0000-000000000000", "OSearch15", "windows"},
    {"OSearch VSS Writer", "", "OSearch", "windows"},
    {"SPSearch VSS Writer", "", "SPSearch", "windows"},
    {"SPSearch4 VSS Writer", "", "SPSearch4", "windows"},
    {"SMS Writer", "", "SMS_SITE_VSS_WRITER", "windows"},
    {"Event Log Writer", "eee8c692-67ed-4250-8d86-390603070d00", "VSS", "windows"},
};

constexpr WatchedService kServices[] = {
    {"VSS", "Volume Shadow Copy|Volumeschattenkopie|Cliché instantané des volumes|ボリューム シャドウ コピー"},
    {"swprv",
     "Microsoft Software Shadow Copy Provider|Microsoft-Softwareschattenkopie-Anbieter|"
     "Fournisseur de cliché instantané de logiciel Microsoft"},
    {"EventSystem", "COM+ Event System|COM+-Ereignissystem|Système d’événement COM+|Système d'événement COM+"},
    {"COMSysApp", "COM+ System Application|COM+-Systemanwendung|Application système COM+"},
    {"MSDTC", "Distributed Transaction Coordinator"},
    {"CryptSvc", "Cryptographic Services|Kryptografiedienste|Services de chiffrement"},
    {"KeyIso", "CNG Key Isolation|CNG-Schlüsselisolation|Isolation de clé CNG"},
    {"SQLWriter", "SQL Server VSS Writer|SQL Server-VSS-Writer|Enregistreur VSS SQL Server"},
    {"WIDWriter", "Windows Internal Database VSS Writer"},
    {"RdAgent", "RdAgent|Rd Agent"},
    {"WindowsAzureGuestAgent", "Windows Azure Guest Agent|WindowsAzureGuestAgent"},
    {"WindowsAzureNetAgentSvc", "Windows Azure Network Agent"},
    {"WindowsAzureTelemetryService", "Windows Azure Telemetry Service"},
    {"IaaSVmProvider", "IaaSVmProvider|IaasVmProvider"},
    {"Winmgmt", "Windows Management Instrumentation|Windows-Verwaltungsinstrumentation"},
    {"BITS", "Background Intelligent Transfer Service|Intelligenter Hintergrundübertragungsdienst"},
    {"WSearch", "Windows Search"},
    {"ClusSvc", "Cluster Service|Clusterdienst"},
    {"DdpSvc", "Data Deduplication Service"},
    {"DFSR", "DFS Replication|DFS-Replikation"},
    {"srmsvc", "File Server Resource Manager"},
    {"NTDS", "Active Directory Domain Services|Active Directory-Domänendienste"},
    {"CertSvc", "Active Directory Certificate Services"},
    {"DHCPServer", "DHCP Server"},
    {"AppHostSvc", "Application Host Helper Service"},
    {"IISADMIN", "IIS Admin Service"},
    {"MSMQ", "Message Queuing"},
    {"vmms", "Hyper-V Virtual Machine Management"},
    {"TSGateway", "Remote Desktop Gateway"},
    {"TermServLicensing", "Remote Desktop Licensing"},
    {"MSExchangeIS", "Microsoft Exchange Information Store"},
    {"MSExchangeRepl", "Microsoft Exchange Replication"},
    {"SPWriter", "SharePoint VSS Writer|Windows SharePoint Services VSS Writer|SharePoint 2010 VSS Writer"},
    {"vds", "Virtual Disk|Virtueller Datenträger"},
    {"wbengine", "Block Level Backup Engine Service"},
    {"MSSQLSERVER", "SQL Server (MSSQLSERVER)"},
    {"RpcSs", "Remote Procedure Call (RPC)"},
    {"RpcEptMapper", "RPC Endpoint Mapper"},
    {"DcomLaunch", "DCOM Server Process Launcher"},
};

std::string_view without_braces(std::string_view id) {
  if (id.starts_with('{')) id.remove_prefix(1);
  if (id.ends_with('}')) id.remove_suffix(1);
  return id;
}

/// The length of the display name of this service that matches, 0 for none.
template <typename Matches>
std::size_t matching_name(const WatchedService& service, const Matches& matches) {
  std::size_t longest = 0;
  for (std::string_view rest = service.names; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find('|'));
    if (name.size() > longest && matches(name)) longest = name.size();
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
  }
  return longest;
}

}  // namespace

std::span<const VssWriter> known_vss_writers() { return kWriters; }
std::span<const WatchedService> watched_services() { return kServices; }

const VssWriter* find_vss_writer(std::string_view id_or_name) {
  const std::string_view id = without_braces(trim(id_or_name));
  if (id.empty()) return nullptr;
  for (const VssWriter& writer : kWriters) {
    if (equal_no_case(writer.class_id, id) || equal_no_case(writer.name, id)) return &writer;
  }
  return nullptr;
}

const WatchedService* find_service(std::string_view key_or_name) {
  const std::string_view wanted = trim(key_or_name);
  for (const WatchedService& service : kServices) {
    if (equal_no_case(service.key, wanted)) return &service;
    if (matching_name(service, [&](std::string_view name) { return equal_no_case(name, wanted); }) > 0) return &service;
  }
  return nullptr;
}

const WatchedService* service_in(std::string_view message) {
  const WatchedService* best = nullptr;
  std::size_t longest = 0;
  for (const WatchedService& service : kServices) {
    std::size_t length = matching_name(
        service, [&](std::string_view name) { return find_no_case(message, name) != std::string_view::npos; });
    // "from the VSS service": some messages have the key.
    const std::string keyed = "the " + std::string(service.key) + " service";
    if (find_no_case(message, keyed) != std::string_view::npos) length = std::max(length, keyed.size());
    if (length > longest) {
      longest = length;
      best = &service;
    }
  }
  return best;
}

std::string display_name(const WatchedService& service) { return std::string(split(service.names, '|').front()); }

}  // namespace vmtriage
