#include "collectors/http_message.h"

#include <algorithm>
#include <charconv>

#include "agent/base/text.h"

namespace vmtriage {
namespace {

constexpr std::size_t kMaxLineBytes = 8 << 10;
constexpr std::size_t kMaxHeadBytes = 16 << 10;

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string host_of(const HttpRequest& request) {
  return request.address.find(':') == std::string::npos ? request.address : "[" + request.address + "]";
}

Error corrupt(std::string reason) { return {ErrorCode::corrupt, std::move(reason)}; }

/// All of `text` as a number; digits only, so no sign and no blank.
std::optional<std::size_t> parse_count(std::string_view text, int base) {
  std::size_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

/// `HTTP/1.1 200 OK`; the reason may be missing.
std::optional<int> parse_status_line(std::string_view line) {
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ') return std::nullopt;
  if (line.size() > 12 && line[12] != ' ') return std::nullopt;
  const auto status = parse_count(line.substr(9, 3), 10);
  if (!status || *status < 200 || *status > 599) return std::nullopt;
  return static_cast<int>(*status);
}

}  // namespace

std::string url_of(const HttpRequest& request) {
  const std::string path = request.path.substr(0, request.path.find('?'));
  return "http://" + host_of(request) + ":" + std::to_string(request.port) + printable(path);
}

Result<std::string> format_http_request(const HttpRequest& request) {
  const Error bad{ErrorCode::unsupported, "the request holds a character that HTTP does not allow there"};
  if (!request.path.starts_with('/') || has_control(request.path) || request.path.find(' ') != std::string::npos) {
    return bad;
  }
  std::string text = "GET " + request.path + " HTTP/1.1\r\nHost: " + host_of(request) + ":" +
                     std::to_string(request.port) + "\r\nConnection: close\r\nAccept: */*\r\n";
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || has_control(name) || name.find_first_of(": ") != std::string::npos || has_control(value))
      return bad;
    text.append(name).append(": ").append(value).append("\r\n");
  }
  return text + "\r\n";
}

Result<bool> HttpReplyReader::add(std::string_view bytes) {
  pending_.append(bytes);
  Result<bool> advanced = true;
  while (state_ != State::complete && advanced && *advanced) advanced = step();
  pending_.erase(0, taken_);
  taken_ = 0;
  if (!advanced) return advanced;
  return state_ == State::complete;
}

Status HttpReplyReader::end() {
  if (state_ == State::complete || state_ == State::until_close) return Done{};
  if (state_ == State::head && reply_.status == 0) return corrupt("the connection was closed without an answer");
  return corrupt("the connection was closed in the middle of the answer");
}

/// Does one thing with what has arrived; false when more must arrive first.
Result<bool> HttpReplyReader::step() {
  switch (state_) {
    case State::head:
      return read_head();
    case State::chunk_size:
      return read_chunk_size();
    case State::chunk_end:
      return read_chunk_end();
    case State::trailer:
      return read_trailer();
    default:
      return read_body();
  }
}

Result<std::optional<std::string_view>> HttpReplyReader::next_line() {
  const std::string_view rest = std::string_view(pending_).substr(taken_);
  const std::size_t end = rest.substr(0, kMaxLineBytes).find('\n');
  if (end == std::string_view::npos) {
    if (rest.size() >= kMaxLineBytes) return Error{ErrorCode::too_large, "a line of the answer is longer than 8 KiB"};
    return std::optional<std::string_view>();
  }
  taken_ += end + 1;
  head_bytes_ += end + 1;
  if (end == 0 || rest[end - 1] != '\r') return corrupt("not an HTTP answer");
  return std::optional(rest.substr(0, end - 1));
}

Result<bool> HttpReplyReader::read_head() {
  const auto line = next_line();
  if (!line) return line.error();
  if (!*line) return false;
  if (head_bytes_ > kMaxHeadBytes) return Error{ErrorCode::too_large, "the answer's headers are longer than 16 KiB"};
  if (reply_.status == 0) {
    const auto status = parse_status_line(**line);
    if (!status) return corrupt("not an HTTP answer");
    reply_.status = *status;
    return true;
  }
  if ((*line)->empty()) return begin_body();
  const Status read = read_header(**line);
  if (!read) return read.error();
  return true;
}

Status HttpReplyReader::read_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return corrupt("a header without a name");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (equal_no_case(name, "Transfer-Encoding")) {
    if (!equal_no_case(value, "chunked")) return Error{ErrorCode::unsupported, "an unknown transfer encoding"};
    chunked_ = true;
  }
  if (equal_no_case(name, "Content-Length")) {
    const auto length = parse_count(value, 10);
    if (!length || (content_length_ && content_length_ != length)) return corrupt("a content length that is no number");
    content_length_ = length;
  }
  return Done{};
}

Status HttpReplyReader::expect(std::size_t body_bytes) {
  if (body_bytes > max_body_bytes_ - reply_.body.size()) {
    return Error{ErrorCode::too_large, "the answer is longer than " + format_size(max_body_bytes_)};
  }
  missing_ = body_bytes;
  return Done{};
}

Result<bool> HttpReplyReader::begin_body() {
  if (chunked_ && content_length_) return corrupt("both a content length and chunks");
  const bool empty = reply_.status == 204 || reply_.status == 304 || content_length_ == 0;
  state_ = empty             ? State::complete
           : chunked_        ? State::chunk_size
           : content_length_ ? State::counted
                             : State::until_close;
  if (state_ != State::counted) return true;
  const Status fits = expect(*content_length_);
  if (!fits) return fits.error();
  return true;
}

Result<bool> HttpReplyReader::read_body() {
  const std::string_view rest = std::string_view(pending_).substr(taken_);
  if (rest.empty()) return false;
  if (state_ == State::until_close) {
    const Status fits = expect(rest.size());
    if (!fits) return fits.error();
  }
  const std::string_view part = rest.substr(0, missing_);
  reply_.body.append(part);
  taken_ += part.size();
  missing_ -= part.size();
  if (missing_ == 0 && state_ == State::counted) state_ = State::complete;
  if (missing_ == 0 && state_ == State::chunk) state_ = State::chunk_end;
  return true;
}

/// `1a0` or `1a0;name=value`.
Result<bool> HttpReplyReader::read_chunk_size() {
  const auto line = next_line();
  if (!line) return line.error();
  if (!*line) return false;
  const auto size = parse_count(trim((*line)->substr(0, (*line)->find(';'))), 16);
  if (!size) return corrupt("a chunk size that is no number");
  const Status fits = expect(*size);
  if (!fits) return fits.error();
  head_bytes_ = 0;
  state_ = *size == 0 ? State::trailer : State::chunk;
  return true;
}

Result<bool> HttpReplyReader::read_chunk_end() {
  const auto line = next_line();
  if (!line) return line.error();
  if (!*line) return false;
  if (!(*line)->empty()) return corrupt("a chunk that is longer than its size");
  state_ = State::chunk_size;
  return true;
}

Result<bool> HttpReplyReader::read_trailer() {
  const auto line = next_line();
  if (!line) return line.error();
  if (!*line) return false;
  if (head_bytes_ > kMaxHeadBytes) return Error{ErrorCode::too_large, "the answer's trailers are longer than 16 KiB"};
  if ((*line)->empty()) state_ = State::complete;
  return true;
}

}  // namespace vmtriage
