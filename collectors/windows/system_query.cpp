#include "collectors/system_query.h"

#include "collectors/reachability.h"
#include "collectors/windows/questions.h"

namespace vmtriage {
namespace {

struct Named {
  std::string_view name;
  Question question;
};
constexpr Named kQuestions[] = {
    {"registry", ask_registry},           {"services", ask_services},
    {"volumes", ask_volumes},             {"disks", ask_disks},
    {"file-versions", ask_file_versions}, {"access-rights", ask_access_rights},
    {"reachability", ask_reachability},
};

}  // namespace

Question find_question(std::string_view name) {
  for (const Named& known : kQuestions) {
    if (known.name == name) return known.question;
  }
  return nullptr;
}

}  // namespace vmtriage
