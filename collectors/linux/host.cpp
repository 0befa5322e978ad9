#include <sys/utsname.h>

#include "agent/base/text.h"
#include "collectors/linux_host.h"

namespace vmtriage {

void read_this_host(Environment& environment) {
  utsname names = {};
  if (uname(&names) == 0) {
    environment.host_name = printable(names.nodename);
    environment.kernel = printable(names.release);
  }
  read_linux_host("", environment);
}

}  // namespace vmtriage
