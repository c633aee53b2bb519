// One client's connection to an HttpServer. Private to net/http_server. Loop thread only.
//
//  bytes --> parser --> handler --> waiting_ (answers in the order of their requests) --> joined()
//  or unsent_ --> socket
//
// What is answered while the connection is being read is joined in the buffer that all connections
// share and sent at once; what comes later, or what the socket does not take, goes to the
// connection's own `unsent_`, written at the turn's end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_connections.h"
#include "net/http_reply_target.h"
#include "net/tls.h"
#include "wire/http1.h"

namespace utakata::net {

class HttpConnection final : public HttpReply::Target,
                             public wire::Http1Sink,
                             public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(HttpConnections& all, std::size_t slot, Descriptor socket, TcpPeer peer,
                 std::unique_ptr<TlsStream> tls);

  void start();
  void start_with(std::string_view bytes);  // that were read elsewhere; not diverted again
  void flush();                             // at the end of a turn in which something was answered
  void on_deadline();
  void close();  // at once; replies that are still held go nowhere

  void answer(std::uint64_t number, const HttpAnswer& answer) override;
  void begin(std::uint64_t number, int status, std::string_view content_type,
             std::string_view headers) override;
  bool write(std::uint64_t number, std::string_view chunk) override;
  void end(std::uint64_t number) override;
  void push() override;
  std::size_t unsent(std::uint64_t number) override;
  void drop(std::uint64_t number) override;
  void on_gone(std::uint64_t number, std::function<void()> call) override;

  Head on_head(const wire::Http1Request& request, std::string_view from_here) override;
  bool on_request(const wire::Http1Request& request) override;
  void on_refused(const wire::Http1Refusal& refusal) override;

 private:
  //            whole request        answered, sent
  //  idle ---> header ---> body ---> answering ---> (writing) ---> idle ...   or lingering --->
  //  closed
  enum class Phase { idle, header, body, answering, writing, lingering };

  struct Waiting {  // a request whose answer is not complete
    bool is_head, is_http10;
    bool closes;  // no request follows it
    bool is_stream = false;
    bool is_done = false;
    std::string early{};  // its answer, while another one is to be sent before it
  };

  void on_ready(std::uint32_t events);
  void read();
  void serve(std::string_view bytes);
  bool hand_over(const wire::Http1Request& request);
  void divert(std::string_view bytes);
  void settle();
  void send_joined();
  void send_unsent();
  void end_of_input();
  void client_left();
  void tell_gone();
  void forget_gone(std::uint64_t number);
  void finish();
  void finish_front();
  Waiting* waiting(std::uint64_t number);
  std::string& out();
  std::string& out_of(std::uint64_t number);
  void append_answer(std::uint64_t number, const HttpAnswer& answer);
  void answer_problem(std::uint64_t number, int status, std::string_view why);
  bool is_full() const;
  bool has_unsent() const { return sent_ < unsent_.size(); }
  Phase phase() const;
  void update_events();
  void update_deadline();
  Moved receive(std::span<char> into);
  Moved transmit(std::string_view bytes);

  struct Gone {
    std::uint64_t number;
    std::function<void()> call;
  };

  HttpConnections* all_;  // null once closed
  Loop& loop_;
  std::size_t slot_;
  Descriptor socket_;
  TcpPeer peer_;
  std::unique_ptr<TlsStream> tls_;  // none: in the clear
  wire::Http1Parser parser_;
  std::vector<Waiting> waiting_;  // in order; the first one is being answered
  std::uint64_t first_ = 0;       // its number; requests are counted from 0
  std::vector<Gone> gone_;        // who is to be told when the client leaves unanswered
  std::string unsent_;
  std::size_t sent_ = 0;  // of unsent_
  std::uint32_t events_ = 0;
  Phase deadline_phase_ = Phase::lingering;
  std::uint64_t deadline_mark_ = 0;
  std::uint64_t sends_ = 0;
  bool is_reading_ = false;    // within serve(): answers are joined
  bool is_paused_ = false;     // too much is unanswered or unsent: nothing is read
  bool is_last_ = false;       // no request is taken any more
  bool is_closing_ = false;    // once all is sent
  bool is_lingering_ = false;  // our half is closed; reads and forgets until the other half is
  bool input_ended_ = false;
  bool has_left_ = false;        // for whoever asked on_gone()
  bool waits_to_leave_ = false;  // paused: to be diverted once all before is answered
  bool was_diverted_ = false;    // and its first request is not read yet
  bool is_to_be_flushed_ = false;
  bool owes_continue_ = false;
};

}  // namespace utakata::net
