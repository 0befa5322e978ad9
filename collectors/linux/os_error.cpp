#include "collectors/linux/os_error.h"

#include <cerrno>
#include <string>
#include <system_error>

namespace vmtriage {
namespace {

ErrorCode code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::access_denied;
    case EAGAIN:
    case EBUSY:
    case ETXTBSY:
      return ErrorCode::locked;
    case ETIMEDOUT:
      return ErrorCode::timed_out;
    case E2BIG:
    case EFBIG:
    case EOVERFLOW:
      return ErrorCode::too_large;
    case ENOEXEC:
    case ENOSYS:
    case EINVAL:
    case EISDIR:
      return ErrorCode::unsupported;
    default:
      return ErrorCode::io;
  }
}

}  // namespace

Error os_error(std::string_view thing, int number) {
  return {code_of(number), std::string(thing) + ": " + std::generic_category().message(number)};
}

}  // namespace vmtriage
