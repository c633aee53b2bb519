// Calls under way: each asks one member after the other until it has an answer or its deadline.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "net/etcd/etcd_members.h"

namespace utakata::net {

class EtcdCalls {
 public:
  using CallId = std::uint64_t;
  // Reads a good answer and gives what is then to be called; `refused` where it is none.
  using Read = std::function<Expected<std::function<void()>>(std::string_view body)>;
  using Fail = std::function<void(Problem)>;

  EtcdCalls(Loop& loop, EtcdMembers& members);
  ~EtcdCalls();

  CallId ask(std::string_view path, std::string body, Duration within, Read read, Fail fail);
  void cancel(CallId id);

 private:
  struct Asked;
  void attempt(Asked& one);
  void heard(CallId id, const Expected<HttpResult>& result);  // may end this
  void go_on(CallId id, EtcdNo no);                           // may end this

  Loop& loop_;
  EtcdMembers& members_;
  CallId last_ = 0;
  std::map<CallId, std::unique_ptr<Asked>> asked_;
};

}  // namespace utakata::net
