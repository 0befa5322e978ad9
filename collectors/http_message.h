#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "collectors/http.h"

namespace vmtriage {

/// `http://169.254.169.254:80/metadata/instance`, for messages.
std::string url_of(const HttpRequest& request);

/// The bytes to send. Error unsupported: a line break or a blank where it would change the request's meaning.
Result<std::string> format_http_request(const HttpRequest& request);

/// Reads an HTTP/1.x reply as its bytes arrive:
///
///     HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}
///     HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n
///     HTTP/1.0 200 OK\r\n\r\n{} and the end of the connection
///
/// Headers, chunk lines and trailers are limited in size, so a hostile server cannot fill the memory.
class HttpReplyReader {
 public:
  explicit HttpReplyReader(std::size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  /// Takes the next bytes; true when the reply is complete. Errors: corrupt, too_large, unsupported.
  Result<bool> add(std::string_view bytes);
  /// The server closed the connection. Error corrupt: in the middle of the reply.
  Status end();
  HttpReply& reply() { return reply_; }

 private:
  enum class State { head, counted, until_close, chunk_size, chunk, chunk_end, trailer, complete };

  Result<bool> step();
  Result<bool> read_head();
  Status read_header(std::string_view line);
  Result<bool> begin_body();
  Result<bool> read_body();
  Result<bool> read_chunk_size();
  Result<bool> read_chunk_end();
  Result<bool> read_trailer();
  Status expect(std::size_t body_bytes);
  /// The next line without its CR LF; nothing when it has not arrived. Error too_large: it is longer than a line may
  /// be.
  Result<std::optional<std::string_view>> next_line();

  const std::size_t max_body_bytes_;
  State state_ = State::head;
  HttpReply reply_;
  std::string pending_;
  std::size_t taken_ = 0;  ///< how much of `pending_` is used up
  std::size_t head_bytes_ = 0;
  std::size_t missing_ = 0;  ///< bytes that this body or chunk still lacks
  std::optional<std::size_t> content_length_;
  bool chunked_ = false;
};

}  // namespace vmtriage
