#include "fleet/api/places.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "fleet/api/answers.h"
#include "wire/digest.h"

namespace utakata {
namespace {

constexpr std::string_view kTicket = "${ticket}";

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (byte | 32) >= 'a' && (byte | 32) <= 'z';
    if (is_plain || (byte >= '0' && byte <= '9') ||
        std::string_view("-._~").find(c) != std::string_view::npos)
      out += c;
    else
      out += fmt::format("%{:02X}", byte);
  }
  return out;
}

// What may stand in a header field: nobody's url gets to write lines of its own.
void append_field_value(std::string& out, std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out += c;
}

}  // namespace

std::string_view ExpiryText::of(WallTime at) {
  const std::int64_t ms = to_ms(at), second = ms / 1000;
  if (second != second_) {
    const std::string text = to_text(at);
    std::copy_n(text.begin(), std::min<std::size_t>(text.size(), sizeof text_), text_);
    second_ = second;
  }
  const auto part = int(ms % 1000);
  text_[20] = char('0' + part / 100);
  text_[21] = char('0' + part / 10 % 10);
  text_[22] = char('0' + part % 10);
  return {text_, sizeof text_};
}

Places::Places(std::string stack, std::string cluster, PlacementLedger::Options options)
    : stack_(std::move(stack)),
      cluster_(std::move(cluster)),
      path_(fmt::format("/v1/stacks/{}/clusters/{}/placements", percent_encoded(stack_),
                        percent_encoded(cluster_))),
      secret_(options.secret),
      ledger_(options) {}

PlaceTee& Places::logs() {
  if (!std::exchange(is_logged_, true)) ledger_.log_to(&logs_);
  return logs_;
}

void Places::apply_begin(const std::shared_ptr<const PlacementView>& whole, Instant now) {
  ledger_.apply_begin(whole, now);
  const PlacementView& view = *whole;
  if (instance_by_token_.size() > 2 * view.instances.size() + 16) {
    instance_by_token_.clear();
    in_view_.clear();
  }
  // Hashing 10,000 tokens anew each second would take a third of an apply: most stand as they
  // stood.
  in_view_.resize(view.instances.size());
  for (std::size_t i = 0; i < view.instances.size(); ++i) {
    const auto& identity = view.instances[i].identity;
    if (in_view_[i] == identity) continue;
    in_view_[i] = identity;
    if (!identity->token_hash.empty())
      instance_by_token_.try_emplace(identity->token_hash, identity->id.text);
  }
}

const Places::Prepared& Places::prepared(std::uint32_t slot) {
  if (slot >= prepared_.size()) prepared_.resize(slot + 1);
  Prepared& known = prepared_[slot];
  const auto& identity = ledger_.instance(slot).identity;
  if (known.identity == identity) return known;
  known = {.identity = identity,
           .instance = fmt::format(R"(","instance":"{}","url":")", json_escaped(identity->id.text)),
           .url_pieces = {}};
  std::string_view rest = identity->url;
  for (auto at = rest.find(kTicket); at != std::string_view::npos; at = rest.find(kTicket)) {
    known.url_pieces.push_back(json_escaped(rest.substr(0, at)));
    rest.remove_prefix(at + kTicket.size());
  }
  known.url_pieces.push_back(json_escaped(rest));
  return known;
}

void Places::place(net::HttpReply& reply, const Wish& wish, Instant now, Duration wall_offset) {
  PlaceRequest request{.seats = wish.body.seats,
                       .key = wish.body.key,
                       .hold = wish.body.hold,
                       .stranger = wish.stranger};
  if (!wish.body.line.empty())
    request.line = place_number(secret_, PlaceName::line, wish.body.line);
  const PlaceAnswer answer = ledger_.place(request, now);
  if (answer)
    grant(reply, wish, *answer, now, wall_offset);
  else
    refuse(reply, wish, answer.error());
}

void Places::grant(net::HttpReply& reply, const Wish& wish, const Grant& grant, Instant now,
                   Duration wall_offset) {
  const Prepared& parts = prepared(grant.slot);
  const PlaceText id = place_text(secret_, PlaceName::placement, grant.number);
  const PlaceText ticket = place_text(secret_, PlaceName::ticket, grant.number);
  const WallTime expires{std::chrono::duration_cast<std::chrono::milliseconds>(
      grant.expires.time_since_epoch() + wall_offset)};
  body_.assign(R"({"id":")").append(view(id)).append(parts.instance).append(parts.url_pieces[0]);
  for (std::size_t i = 1; i < parts.url_pieces.size(); ++i)
    body_.append(view(ticket)).append(parts.url_pieces[i]);
  body_.append(R"(","ticket":")").append(view(ticket));
  body_.append(R"(","expires":")").append(expiry_.of(expires));
  body_.append(R"(","expires_in_ms":)");
  const fmt::format_int left(to_ms(grant.expires - now));
  body_.append(left.data(), left.size()).push_back('}');

  lines_.assign("Cache-Control: no-store\r\n").append(wish.headers);
  if (wish.as_endpoint) {
    std::string_view rest = parts.identity->url;
    lines_.append("X-Utakata-Url: ");
    for (auto at = rest.find(kTicket); at != std::string_view::npos; at = rest.find(kTicket)) {
      append_field_value(lines_, rest.substr(0, at));
      lines_.append(view(ticket));
      rest.remove_prefix(at + kTicket.size());
    }
    append_field_value(lines_, rest);
    lines_.append("\r\n");
  }
  reply.send({.status = 200, .headers = lines_, .body = body_});
}

void Places::refuse(net::HttpReply& reply, const Wish& wish, const Refusal& refusal) {
  using Why = Refusal::Why;
  ProblemAnswer problem{.status = 503, .detail = {}, .retry_after = refusal.retry_after};
  switch (refusal.why) {
    case Why::nothing_serves:
      problem.detail = fmt::format("No instance of {} takes clients just now.", cluster_);
      break;
    case Why::full:
      problem.detail = wish.body.key.empty() ? fmt::format("All seats of {} are taken.", cluster_)
                                             : fmt::format("{} has no seats for `{}` just now.",
                                                           cluster_, wish.body.key);
      break;
    case Why::admission:
      problem.detail = fmt::format(
          "{} takes no more new clients in this moment, so that those there are not disturbed.",
          cluster_);
      break;
    case Why::strangers_full:
      problem.detail = fmt::format(
          "Callers without a token hold a tenth of the seats of {} already. A place token lifts "
          "that.",
          cluster_);
      break;
    case Why::too_many_seats:
      problem.status = 409;
      problem.detail = fmt::format(
          "{} were asked for at once, but {} of {} has only {}.", plural(wish.body.seats, "seat"),
          wish.body.key.empty() ? "an instance" : "a room", cluster_, refusal.limit);
      break;
    case Why::too_many_at_once:
      problem.status = 409;
      problem.detail = fmt::format(
          "{} were asked for at once, but an instance of {} takes only {} in a second: ask for "
          "fewer at a time.",
          plural(wish.body.seats, "seat"), cluster_, plural(refusal.limit, "new client"));
      break;
    case Why::room_full:
      problem.status = 409;
      problem.detail = fmt::format(
          "The room `{}` has {}, and they are taken. Whoever left gives a seat back by DELETE of "
          "its placement.",
          wish.body.key, plural(refusal.limit, "seat"));
      break;
    case Why::key_away:
      problem.detail = fmt::format(
          "The instance that `{}` is on does not answer just now; the key moves only once it is "
          "surely gone.",
          wish.body.key);
      break;
  }
  if (refusal.line) {
    const PlaceText line = place_text(secret_, PlaceName::line, *refusal.line);
    problem.members = fmt::format(R"(,"line":"{}","ahead":{})", view(line), refusal.ahead);
    problem.detail +=
        fmt::format(" {} in line before you: ask again after the time given, with `line`.",
                    plural(refusal.ahead, "client"));
  }
  send_problem(reply, problem, wish.headers);
}

void Places::release(net::HttpReply& reply, std::string_view id, Instant now,
                     std::string_view headers) {
  const auto number = place_number(secret_, PlaceName::placement, id);
  if (!number)
    return send_problem(
        reply,
        {.status = 404,
         .detail = fmt::format("{} has never given out such a placement.", cluster_)},
        headers);
  ledger_.release(*number, now);  // of one that ended before there is nothing to give back
  send_json(reply, 204, {}, headers);
}

void Places::release_key(net::HttpReply& reply, std::string_view key, std::string_view headers) {
  if (ledger_.release_key(key)) return send_json(reply, 204, {}, headers);
  send_problem(
      reply,
      {.status = 404, .detail = fmt::format("The key `{}` is not in use in {}.", key, cluster_)},
      headers);
}

void Places::confirm(net::HttpReply& reply, PlaceName of, std::string_view text,
                     std::string_view token, Instant now) {
  const auto instance =
      token.empty() ? instance_by_token_.end() : instance_by_token_.find(wire::sha256_hex(token));
  if (instance == instance_by_token_.end() || !ledger_.find_instance(instance->second))
    return send_problem(
        reply, {.status = 401,
                .detail = fmt::format(
                    "Only an instance of {} confirms a ticket, with the token that it finds in "
                    "UTAKATA_TOKEN: `Authorization: Bearer ...`.",
                    cluster_),
                .headers = "WWW-Authenticate: Bearer realm=\"utakata instance\"\r\n"});
  const auto number = place_number(secret_, of, text);
  if (!number)
    return send_problem(
        reply,
        {.status = 404, .detail = fmt::format("{} has never given out such a ticket.", cluster_)});
  switch (ledger_.confirm(instance->second, *number, now)) {
    case Confirmation::arrived:
      return send_json(reply, 200, R"({"arrived":true})");
    case Confirmation::over:
      return send_problem(
          reply,
          {.status = 410,
           .detail =
               "The ticket is used up, was given back, or has expired: its client has no seat."});
    case Confirmation::other_instance:
      return send_problem(
          reply,
          {.status = 409,
           .detail = fmt::format("The ticket is for another instance than {}.", instance->second)});
  }
}

}  // namespace utakata
