#include "load/client/failure.h"

#include <cerrno>
#include <cstring>

namespace utakata::load {
namespace {

FailureKind kind_of(int number) {
  switch (number) {
    case 0:
      return FailureKind::none;
    case EADDRNOTAVAIL:
    case EADDRINUSE:
      return FailureKind::ports;
    case ECONNREFUSED:
      return FailureKind::refused;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EAFNOSUPPORT:
      return FailureKind::unreachable;
    case ETIMEDOUT:
      return FailureKind::timed_out;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
      return FailureKind::reset;
    default:
      return FailureKind::local;
  }
}

}  // namespace

std::string_view to_text(FailureKind kind) {
  switch (kind) {
    case FailureKind::none:
      return "none";
    case FailureKind::ports:
      return "ports";
    case FailureKind::source:
      return "source";
    case FailureKind::refused:
      return "refused";
    case FailureKind::unreachable:
      return "unreachable";
    case FailureKind::timed_out:
      return "timed_out";
    case FailureKind::reset:
      return "reset";
    case FailureKind::hung_up:
      return "hung_up";
    case FailureKind::tls:
      return "tls";
    case FailureKind::status:
      return "status";
    case FailureKind::malformed:
      return "malformed";
    case FailureKind::too_big:
      return "too_big";
    case FailureKind::not_read:
      return "not_read";
    case FailureKind::given_up:
      return "given_up";
    case FailureKind::local:
      return "local";
  }
  return "";
}

Failure failure_of(int number) { return {.kind = kind_of(number), .what = std::strerror(number)}; }

}  // namespace utakata::load
