#pragma once

#include <span>
#include <string>
#include <string_view>

namespace vmtriage {

/// A VSS writer and the service that hosts it.
struct VssWriter {
  std::string_view name;      ///< as `vssadmin list writers` shows it, the same in every language
  std::string_view class_id;  ///< lower case, without braces
  std::string_view service;   ///< key name of the service whose restart resets the writer; may be empty
  std::string_view owner;     ///< who can say why it fails: `windows`, `sql`, `vendor`
};

/// The writers of Windows, SQL Server, Exchange, SharePoint and other known products.
/// Source: win32 "In-box VSS writers"; two public tables of writers and services that agree.
std::span<const VssWriter> known_vss_writers();

/// The writer with this class id (braces and case do not matter) or this name; nullptr when it is none of the known.
const VssWriter* find_vss_writer(std::string_view id_or_name);

/// A Windows service that backups depend on.
struct WatchedService {
  std::string_view key;    ///< `swprv`
  std::string_view names;  ///< display names, `|` between them: English first, then those of other languages
};

std::span<const WatchedService> watched_services();

/// The watched service with this key or display name; nullptr for all others.
const WatchedService* find_service(std::string_view key_or_name);
/// The watched service whose display name occurs in a message of the Service Control Manager, the longest one.
const WatchedService* service_in(std::string_view message);

/// The first display name of a service.
std::string display_name(const WatchedService& service);

}  // namespace vmtriage
