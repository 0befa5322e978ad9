#pragma once

#include <utility>

namespace vmtriage {

/// Owns one thing of the system that must be given back: a descriptor, a handle, a socket. `Traits` say what it is:
///
///     struct DescriptorTraits {
///       using Value = int;
///       static constexpr int none() { return -1; }
///       static bool is_none(int number) { return number < 0; }
///       static void close(int number) { ::close(number); }
///     };
template <typename Traits>
class Owned {
 public:
  using Value = typename Traits::Value;

  explicit Owned(Value value = Traits::none()) : value_(value) {}
  Owned(Owned&& other) noexcept : value_(other.release()) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { close(); }

  Value get() const { return value_; }
  explicit operator bool() const { return !Traits::is_none(value_); }
  Value release() { return std::exchange(value_, Traits::none()); }
  void close() {
    if (*this) Traits::close(release());
  }

 private:
  Value value_;
};

}  // namespace vmtriage
