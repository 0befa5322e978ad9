#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/http.h"
#include "collectors/system_query.h"

namespace vmtriage {

/// A service of the platform to be asked, as the catalogue writes it: `wire-server=168.63.129.16:80/?comp=versions`.
struct PlatformService {
  std::string name;
  HttpRequest request;
};
/// Nothing when it is not of that form.
std::optional<PlatformService> parse_platform_service(std::string_view word);

/// Which of the platform's services answer; any HTTP answer is one:
///
///     wire-server
///         url: http://168.63.129.16:80/
///         answer: HTTP 200
///     host-plugin
///         url: http://168.63.129.16:32526/versions
///         no answer: no answer within 2 s
void ask_reachability(const std::vector<std::string>& services, AnswerWriter& answer);

}  // namespace vmtriage
