#include "fleet/probe/ask/asking.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace utakata {

Asking::~Asking() {
  loop_.cancel(timer_);
  loop_.cancel(half_timer_);
  for (const Question& question : questions_)
    if (question.heard) cancel(question);
}

void Asking::cancel(const Question& question) {
  if (question.call) client_.cancel(question.call);
  if (question.line) lean_.cancel(question.line);
}

void Asking::begin(Duration deadline, std::function<void()> ended) {
  check(!ended_, "a probe is not asked again before it has answered");
  ended_ = std::move(ended);
  deadline_ = deadline;
  all_asked_ = false;
  lean_.sweep();
  patience_ = Patience::whole;
  timer_ = loop_.after(deadline, [this] { give_up(Patience::whole); });
  half_timer_ = loop_.after(deadline / 2, [this] { give_up(Patience::half); });
}

std::uint32_t Asking::add(Heard heard) {
  questions_.push_back({.heard = std::move(heard), .patience = patience_});
  ++open_;
  return std::uint32_t(questions_.size() - 1);
}

void Asking::get(const Address& address, const std::string& path,
                 const std::vector<std::string>& headers, std::size_t answer_bytes_max,
                 Heard heard) {
  const std::uint32_t index = add(std::move(heard));
  if (!GetClient::reaches(address.host))
    return get_by_name(index, address, path, headers, answer_bytes_max);
  std::string lines;
  for (const std::string& header : headers) (lines += header) += "\r\n";
  questions_[index].line = lean_.get(
      address, path, lines, answer_bytes_max,
      [this, index](Expected<net::HttpResult> result) { answer(index, std::move(result)); });
}

void Asking::get_by_name(std::uint32_t index, const Address& address, const std::string& path,
                         const std::vector<std::string>& headers, std::size_t answer_bytes_max) {
  net::HttpCall call;
  call.url = fmt::format("http://{}{}", host_and_port(address), path);
  call.headers = headers;
  call.answer_bytes_max = answer_bytes_max;
  call.deadline = deadline_ + 1s;  // ours comes first: one sentence for all who are late
  questions_[index].call = client_.call(
      std::move(call),
      [this, index](Expected<net::HttpResult> result) { answer(index, std::move(result)); });
}

void Asking::handshake(const Address& address, const std::string& path, Heard heard) {
  const std::uint32_t index = add(std::move(heard));
  handshakes_.push_back(
      std::make_unique<Handshake>(loop_, address, path, [this, index](Expected<void> granted) {
        if (granted)
          answer(index, net::HttpResult{.status = 101, .body = {}, .headers = {}});
        else
          answer(index, std::unexpected(granted.error()));
      }));
}

void Asking::all_asked() {
  all_asked_ = true;
  if (open_ > 0) return;
  loop_.cancel(timer_);
  timer_ = loop_.after(Duration{0}, [this] { end(); });  // never inside look()
}

void Asking::answer(std::uint32_t index, Expected<net::HttpResult> result) {
  const Heard heard = std::exchange(questions_[index].heard, nullptr);
  if (!heard) return;  // a handshake that was given up at half of the deadline
  --open_;
  heard(std::move(result));
  if (open_ == 0 && all_asked_) end();
}

// At half of the deadline those of half patience, at the whole one all.
void Asking::give_up(Patience patience) {
  for (Question& question : questions_) {
    if (!question.heard || question.patience < patience) continue;
    cancel(question);
    const Heard heard = std::exchange(question.heard, nullptr);
    --open_;
    heard(problem(Problem::Kind::timed_out,
                  fmt::format("no answer within {}",
                              to_text(patience == Patience::half ? deadline_ / 2 : deadline_)),
                  true));
  }
  if (open_ == 0 && all_asked_) end();
}

void Asking::end() {
  loop_.cancel(timer_);
  loop_.cancel(half_timer_);
  questions_.clear();
  open_ = 0;
  handshakes_.clear();               // none of them is on the stack: they are heard by posts
  std::exchange(ended_, nullptr)();  // may destroy this
}

std::string host_and_port(const Address& address) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", is_v6 ? "[" : "", address.host, is_v6 ? "]" : "", address.port);
}

}  // namespace utakata
