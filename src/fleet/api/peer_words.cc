#include "fleet/api/peer_words.h"

#include "fleet/model/byte_codec.h"

namespace utakata {

void append_ask(std::string& message, const PeerAsk& ask) {
  ByteWriter writer;
  writer.number(ask.number);
  writer.text(ask.caller);
  writer.text(ask.authorization);
  writer.text(ask.method);
  writer.text(ask.target);
  writer.text(ask.body);
  message += writer.take();
}

void append_answer(std::string& message, const PeerAnswer& answer) {
  ByteWriter writer;
  writer.number(answer.number);
  writer.number(std::uint64_t(answer.status));
  writer.text(answer.content_type);
  writer.text(answer.headers);
  writer.text(answer.body);
  message += writer.take();
}

bool read_asks(std::string_view message, const std::function<void(const PeerAsk&)>& tell) {
  ByteReader reader(message);
  while (reader.left() > 0) {
    PeerAsk ask;
    ask.number = reader.number();
    ask.caller = reader.view();
    ask.authorization = reader.view();
    ask.method = reader.view();
    ask.target = reader.view();
    ask.body = reader.view();
    if (!reader.is_good() || ask.method.empty() || !ask.target.starts_with('/')) return false;
    tell(ask);
  }
  return reader.is_good();
}

bool read_answers(std::string_view message, const std::function<void(const PeerAnswer&)>& tell) {
  ByteReader reader(message);
  while (reader.left() > 0) {
    PeerAnswer answer;
    answer.number = reader.number();
    const std::uint64_t status = reader.number();
    answer.content_type = reader.view();
    answer.headers = reader.view();
    answer.body = reader.view();
    if (!reader.is_good() || status < 200 || status > 599) return false;
    answer.status = int(status);
    tell(answer);
  }
  return reader.is_good();
}

}  // namespace utakata
