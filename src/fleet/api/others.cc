#include "fleet/api/others.h"

#include <fmt/format.h>

#include <algorithm>

#include "fleet/api/answers.h"

namespace utakata {
namespace {

// Nobody looks at others.
constexpr std::string_view kept_headers[] = {
    "host", "authorization", "origin", "x-forwarded-for", "forwarded", "x-utakata-caller"};
constexpr Duration try_every{100ms};

}  // namespace

KeptRequest::KeptRequest(const net::HttpRequest& request)
    : method_(request.method),
      path_(request.path),
      query_(request.query),
      body_(request.body),
      peer_(request.peer) {
  method = method_, path = path_, query = query_, body = body_, peer = peer_;
  from_loopback = request.from_loopback;
  is_tls = request.is_tls;
  for (const std::string_view name : kept_headers)
    if (const std::string_view value = request.header(name); !value.empty())
      headers_.emplace_back(name, value);
}

std::string_view KeptRequest::header(std::string_view name) const {
  const auto same = [&](const auto& one) {
    return std::ranges::equal(one.first, name, [](char a, char b) {
      return a == (b >= 'A' && b <= 'Z' ? char(b - 'A' + 'a') : b);
    });
  };
  const auto found = std::ranges::find_if(headers_, same);
  return found == headers_.end() ? std::string_view{} : found->second;
}

std::string KeptRequest::target() const { return query_.empty() ? path_ : path_ + "?" + query_; }

struct Others::Waiting {
  Waiting(const net::HttpRequest& what, net::HttpReply to, Passage how, Instant end)
      : request(what), reply(std::move(to)), passage(std::move(how)), until(end) {}
  KeptRequest request;
  net::HttpReply reply;
  Passage passage;
  Instant until;
  std::string problem{};  // why its owner did not answer, last
};

Others::Others(net::Loop& loop, const Owners& owners, Options options, Here here)
    : loop_(loop),
      owners_(owners),
      options_(std::move(options)),
      here_(std::move(here)),
      client_(loop) {}

Others::~Others() {
  if (timer_) loop_.cancel(timer_);
}

net::HttpCall Others::call_of(const std::string& method, std::string url, std::string body,
                              const std::string& caller) const {
  return {.method = method,
          .url = std::move(url),
          .headers = {"Content-Type: application/json", "Authorization: Bearer " + options_.token,
                      "X-Utakata-Caller: " + caller},
          .body = std::move(body),
          .deadline = 3s,
          .answer_bytes_max = 64 * 1024 * 1024,
          .ca_file = options_.ca};
}

void Others::send_on(const net::HttpRequest& request, net::HttpReply reply, Passage passage) {
  auto one = std::make_shared<Waiting>(request, std::move(reply), std::move(passage),
                                       loop_.now() + options_.patience);
  const Ownership now = owner_of(one->passage.cluster);
  if (now.kind == Ownership::Kind::others && silence_.may_send(now.url)) return send(one, now.url);
  wait(std::move(one));
}

Ownership Others::owner_of(const std::string& cluster) const {
  Ownership known = owners_.of(cluster);
  if (known.kind != Ownership::Kind::nobody) return known;
  if (const auto found = told_.find(cluster); found != told_.end() && !found->second.empty())
    known = {.kind = Ownership::Kind::others, .controller = {}, .url = found->second};
  return known;
}

void Others::tell(const std::string& url, const std::string& target, const std::string& body) {
  net::HttpCall call = call_of("POST", url + target, body, "admin");
  call.deadline = 1s;
  client_.call(std::move(call), [](const Expected<net::HttpResult>&) {});
}

void Others::told(const std::string& cluster, const std::string& url) {
  told_[cluster] = url;
  turn();
}

void Others::wait(std::shared_ptr<Waiting> one) {
  if (waiting_.size() >= options_.waiting_max || loop_.now() >= one->until)
    return send_problem(
        one->reply,
        {.status = 503,
         .detail = one->problem.empty()
                       ? fmt::format("{} has no owner at the moment: its controller is away, and "
                                     "no other could take it yet.",
                                     one->passage.cluster)
                       : fmt::format("The owner of {} did not answer, and no other has taken it "
                                     "yet: {}",
                                     one->passage.cluster, one->problem),
         .retry_after = 1s},
        one->passage.headers);
  waiting_.push_back(std::move(one));
  if (!timer_) timer_ = loop_.every(try_every, [this] { try_again(); });
}

void Others::turn() {
  if (!waiting_.empty()) loop_.post([this] { try_again(); });
  if (!links_.empty()) loop_.post([this] { drop_links(); });
}

void Others::try_again() {
  auto all = std::exchange(waiting_, {});
  for (auto& one : all) {
    const Ownership now = owner_of(one->passage.cluster);
    if (now.kind == Ownership::Kind::others && loop_.now() < one->until &&
        silence_.may_send(now.url))
      send(std::move(one), now.url);
    else if (here_.can_answer(one->passage.cluster))
      here_.take(one->request, std::move(one->reply));
    else
      wait(std::move(one));
  }
  if (waiting_.empty() && timer_) loop_.cancel(std::exchange(timer_, 0));
}

void Others::send(std::shared_ptr<Waiting> one, const std::string& url) {
  auto& link = links_[url];
  if (!link) link = std::make_unique<PeerLink>(loop_, url, options_.token, options_.ca);
  const std::string target = one->request.target();
  const PeerAsk ask{
      .caller = one->passage.caller,
      .authorization = one->passage.is_by_token ? one->request.header("authorization") : "",
      .method = one->request.method,
      .target = target,
      .body = one->request.body};
  link->ask(ask, [this, one = std::move(one), url](const Expected<PeerAnswer>& answer) {
    answered(one, url, answer);
  });
}

void Others::answered(const std::shared_ptr<Waiting>& one, const std::string& url,
                      const Expected<PeerAnswer>& answer) {
  if (silence_.went(url, answer.has_value())) turn();
  // 421: it is not the owner any more. No answer: it may be gone, and another takes over.
  const bool is_answered = answer && answer->status != 421;
  if (!answer) one->problem = answer.error().what;
  if (!is_answered && one->passage.is_repeatable) return wait(one);
  if (!answer)
    return send_problem(one->reply,
                        {.status = 502,
                         .detail = fmt::format("The owner of {} did not answer: {}. Whether it "
                                               "was done is not known.",
                                               one->passage.cluster, answer.error().what)},
                        one->passage.headers);
  one->passage.headers += answer->headers;
  one->reply.send({.status = answer->status,
                   .content_type = answer->content_type,
                   .headers = one->passage.headers,
                   .body = answer->body});
}

// Of controllers that are gone, or have moved.
void Others::drop_links() {
  const std::vector<Controller> all = owners_.others();
  std::erase_if(links_, [&](const auto& link) {
    return link.second->is_idle() &&
           std::ranges::find(all, link.first, &Controller::url) == all.end();
  });
}

void Others::ask_each(const std::string& method, const std::string& target, const std::string& body,
                      std::function<void(std::vector<Answer>)> done) {
  const std::vector<Controller> all = owners_.others();
  if (all.empty()) return done({});
  struct Gathering {
    std::vector<Answer> answers;
    std::function<void(std::vector<Answer>)> done;
  };
  auto gathering = std::make_shared<Gathering>(Gathering{{}, std::move(done)});
  for (const Controller& each : all)
    client_.call(call_of(method, each.url + target, body, "admin"),
                 [gathering, each, count = all.size()](Expected<net::HttpResult> result) {
                   gathering->answers.push_back({each, std::move(result)});
                   if (gathering->answers.size() == count)
                     gathering->done(std::move(gathering->answers));
                 });
}

}  // namespace utakata
