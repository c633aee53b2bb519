// The least that an HttpServer costs: one answer of 150 bytes, whatever is asked. Compared with
// nginx's `return 200`.
//   http_floor PORT
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "net/http_server.h"

int main(int argc, char** argv) {
  using namespace utakata::net;
  Loop loop;
  const std::string body =
      R"({"id":"p-0123456789abcdef","instance":"lobby-17","url":"wss://host-3.example.com:20017/","ticket":"abcdefghijklmnopqrstuvwxyz012345","expires":"60s"})";
  HttpServer server(loop, [&](const HttpRequest&, HttpReply reply) { reply.send({.body = body}); });
  const auto port = server.listen("127.0.0.1", std::uint16_t(argc > 1 ? std::atoi(argv[1]) : 0));
  if (!port) {
    std::fprintf(stderr, "%s\n", port.error().what.c_str());
    return 2;
  }
  std::printf("%u\n", unsigned(*port));
  std::fflush(stdout);
  loop.on_signal(SIGTERM, [&] { loop.stop(); });
  loop.run();
}
