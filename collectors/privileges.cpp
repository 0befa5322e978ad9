#include "collectors/privileges.h"

namespace vmtriage {

Language language_of_locale(std::string_view locale) {
  const std::string_view name = locale.substr(0, locale.find_first_of("_.-@"));
  return equal_no_case(name, "ja") || equal_no_case(name, "japanese") ? Language::ja : Language::en;
}

}  // namespace vmtriage
