#pragma once

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace vmtriage {

/// Why something on a sick VM could not be done. The names are the `code` values of findings.json.
enum class ErrorCode { not_found, access_denied, locked, timed_out, corrupt, too_large, unsupported, io };

constexpr std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::access_denied: return "access_denied";
    case ErrorCode::locked: return "locked";
    case ErrorCode::timed_out: return "timed_out";
    case ErrorCode::corrupt: return "corrupt";
    case ErrorCode::too_large: return "too_large";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::io: return "io";
  }
  return "io";
}

/// A failure that is a result, not an exception. `what` is for the person who reads the report: "thing: reason".
struct Error {
  ErrorCode code = ErrorCode::io;
  std::string what;
};

/// A value, or the reason why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  const Error& error() const {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Error> state_;
};

struct Done {};
/// For work that has no value: `return Done{};` or an Error.
using Status = Result<Done>;

}  // namespace vmtriage
