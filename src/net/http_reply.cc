// The answering half of HttpConnection: keeps the answers in order and puts them into bytes.
#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "net/http_connection.h"
#include "wire/http1_answer.h"

namespace utakata::net {

HttpReply::HttpReply(std::shared_ptr<Target> target, std::uint64_t number)
    : target_(std::move(target)), number_(number) {}
HttpReply::HttpReply(HttpReply&&) noexcept = default;

HttpReply& HttpReply::operator=(HttpReply&& other) noexcept {
  if (this == &other) return *this;
  if (target_) target_->drop(number_);
  target_ = std::move(other.target_);
  number_ = other.number_;
  return *this;
}

HttpReply::~HttpReply() {
  if (target_) target_->drop(number_);
}

void HttpReply::send(const HttpAnswer& answer) {
  check(target_ != nullptr, "a request is answered once");
  std::exchange(target_, nullptr)->answer(number_, answer);
}

void HttpReply::begin(int status, std::string_view content_type, std::string_view headers) {
  check(target_ != nullptr, "a request is answered once");
  target_->begin(number_, status, content_type, headers);
}

bool HttpReply::write(std::string_view chunk) {
  check(target_ != nullptr, "nothing is written after the end");
  return target_->write(number_, chunk);
}

void HttpReply::push() {
  check(target_ != nullptr, "nothing is sent after the end");
  target_->push();
}

std::size_t HttpReply::unsent() const {
  check(target_ != nullptr, "nothing is unsent after the end");
  return target_->unsent(number_);
}

void HttpReply::end() {
  check(target_ != nullptr, "an answer ends once");
  std::exchange(target_, nullptr)->end(number_);
}

void HttpReply::on_gone(std::function<void()> call) {
  check(target_ != nullptr, "after the answer nobody waits for a client");
  target_->on_gone(number_, std::move(call));
}

HttpConnection::Waiting* HttpConnection::waiting(std::uint64_t number) {
  if (!all_ || number < first_ || number - first_ >= waiting_.size()) return nullptr;
  return &waiting_[std::size_t(number - first_)];
}

std::string& HttpConnection::out() {
  const bool is_joined = is_reading_ && !all_->sends_together();
  if (is_joined && !has_unsent()) return all_->joined();
  if (!is_joined && !std::exchange(is_to_be_flushed_, true))
    all_->flush_at_turn_end(shared_from_this());
  return unsent_;
}

std::string& HttpConnection::out_of(std::uint64_t number) {
  return number == first_ ? out() : waiting(number)->early;
}

void HttpConnection::answer(std::uint64_t number, const HttpAnswer& answer) {
  forget_gone(number);
  auto* const to = waiting(number);
  if (!to) return;
  check(!to->is_stream, "an answer that was begun is ended, not sent");
  auto& bytes = out_of(number);
  wire::append_answer_head(bytes, {.status = answer.status,
                                   .content_type = answer.content_type,
                                   .date = all_->date(),
                                   .headers = answer.headers,
                                   .length = answer.body.size(),
                                   .closes = to->closes,
                                   .names_keep_alive = to->is_http10});
  if (!to->is_head && wire::may_have_body(answer.status)) bytes.append(answer.body);
  to->is_done = true;
  finish_front();
}

void HttpConnection::answer_problem(std::uint64_t number, int status, std::string_view why) {
  const auto body =
      fmt::format(R"({{"type":"about:blank","title":"{}","status":{},"detail":"{}"}})",
                  wire::reason_phrase(status), status, why);
  answer(number, {.status = status,
                  .content_type = "application/problem+json",
                  .headers = "Cache-Control: no-store\r\n",
                  .body = body});
}

void HttpConnection::begin(std::uint64_t number, int status, std::string_view content_type,
                           std::string_view headers) {
  auto* const to = waiting(number);
  if (!to) return;
  check(!to->is_stream, "an answer begins once");
  to->is_stream = true;
  to->closes |=
      to->is_http10;  // it knows no chunks: the end of the connection is the end of the answer
  is_last_ |= to->closes;
  wire::append_answer_head(out_of(number), {.status = status,
                                            .content_type = content_type,
                                            .date = all_->date(),
                                            .headers = headers,
                                            .is_chunked = !to->is_http10,
                                            .closes = to->closes});
}

bool HttpConnection::write(std::uint64_t number, std::string_view chunk) {
  auto* const to = waiting(number);
  if (!to) return false;
  check(to->is_stream, "an answer begins before it goes on");
  const auto unread = unsent(number);
  if (unread > 0 && unread + chunk.size() > all_->limits().backlog_bytes) {
    close();
    return false;
  }
  if (to->is_head) return true;
  auto& bytes = out_of(number);
  if (to->is_http10)
    bytes.append(chunk);
  else
    wire::append_chunk(bytes, chunk);
  return true;
}

void HttpConnection::push() {
  if (all_ && !is_reading_ && has_unsent()) send_unsent();
}

std::size_t HttpConnection::unsent(std::uint64_t number) {
  const auto* const of = waiting(number);
  return of ? unsent_.size() - sent_ + of->early.size() : 0;
}

void HttpConnection::end(std::uint64_t number) {
  forget_gone(number);
  auto* const to = waiting(number);
  if (!to) return;
  check(to->is_stream, "an answer begins before it ends");
  if (!to->is_http10 && !to->is_head) out_of(number).append(wire::last_chunk);
  to->is_done = true;
  finish_front();
}

void HttpConnection::drop(std::uint64_t number) {
  forget_gone(number);
  auto* const to = waiting(number);
  if (!to) return;
  if (!to->is_stream)
    return answer_problem(number, 500, "The request was dropped without an answer.");
  to->closes = to->is_done = is_last_ = true;  // without its end: the client sees that it is cut
  if (number == first_) out();
  finish_front();
}

void HttpConnection::on_gone(std::uint64_t number, std::function<void()> call) {
  forget_gone(number);
  gone_.push_back({number, std::move(call)});
  if (has_left_) return client_left();
  if (!is_reading_) update_events();
}

void HttpConnection::forget_gone(std::uint64_t number) {
  std::erase_if(gone_, [number](const Gone& gone) { return gone.number == number; });
}

void HttpConnection::tell_gone() {
  while (!gone_.empty()) {
    const Gone first = std::move(gone_.front());
    gone_.erase(gone_.begin());
    first.call();
  }
}

// Sends on what had to wait for the answer that is complete now.
void HttpConnection::finish_front() {
  while (!waiting_.empty() && waiting_.front().is_done) {
    is_closing_ |= waiting_.front().closes;
    waiting_.erase(waiting_.begin());
    ++first_;
    if (!waiting_.empty()) out().append(std::exchange(waiting_.front().early, {}));
  }
  if (waiting_.empty() && std::exchange(owes_continue_, false))
    out().append("HTTP/1.1 100 Continue\r\n\r\n");
}

}  // namespace utakata::net
