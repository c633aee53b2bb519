// One call on one libcurl easy handle. Made once, used for many calls in turn: a handle costs more
// to make than to set.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "net/curl/http_client.h"
#include "net/descriptor.h"

struct curl_slist;

namespace utakata::net {

// The descriptors that libcurl opens and closes go through this.
class SocketBook {
 public:
  virtual ~SocketBook() = default;
  virtual void opened(int descriptor, const sockaddr* target) = 0;
  virtual void closing(int descriptor) = 0;
};

class Transfer {
 public:
  explicit Transfer(SocketBook& book);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // Sets the handle for this call; the call lives here until clear(). Problem: `invalid`.
  Expected<void> prepare(HttpClient::CallId id, HttpCall call, HttpClient::Done done);
  Expected<HttpResult> outcome(int curl_code);  // takes the answer out
  HttpClient::Done take_done() { return std::move(done_); }
  void clear();  // ready for the next prepare(); gives back big buffers

  HttpClient::CallId id() const { return id_; }
  void* easy() const { return easy_; }
  int socket() const { return socket_; }  // of a call with `keep_alive`; -1: none yet

 private:
  void set_once(SocketBook& book);
  void set_method();
  bool open_body();
  bool set_headers();
  void set_tls();
  bool take_body(const char* data, std::size_t size);
  bool take_header(std::string_view line);
  bool goes_in_pieces() const;
  Problem problem_of(int curl_code) const;
  std::string where() const;

  static std::size_t on_body(char* data, std::size_t one, std::size_t size, void* self);
  static std::size_t on_header(char* data, std::size_t one, std::size_t size, void* self);
  static std::size_t on_read(char* into, std::size_t one, std::size_t size, void* self);
  static int on_fresh(void* self, int descriptor, int purpose);
  static int on_seek(void* self, std::int64_t offset, int origin);

  void* easy_;
  curl_slist* headers_ = nullptr;
  HttpClient::CallId id_ = 0;
  HttpCall call_;
  Descriptor body_file_;
  HttpClient::Done done_;
  HttpResult result_;
  std::size_t header_bytes_ = 0;
  int socket_ = -1;
  bool too_large_ = false, head_complete_ = false;
  bool has_tls_files_ = false;  // on the handle, maybe of an earlier call
  char error_[256];             // CURL_ERROR_SIZE
};

}  // namespace utakata::net
