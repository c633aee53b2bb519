#include "net/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "base/check.h"

namespace utakata::net {
namespace {

// OpenSSL's own socket BIO writes with write(), which raises SIGPIPE when the client is gone.
int bio_socket(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int bio_read(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  const auto got = recv(bio_socket(bio), into, std::size_t(size), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return int(got);
}

int bio_write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const auto gone = ::send(bio_socket(bio), bytes, std::size_t(size), MSG_NOSIGNAL);
  if (gone < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return int(gone);
}

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* bio_method() {  // made once, never changed: connections of every thread share it
  static const BIO_METHOD* const method = [] {
    auto* const m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "utakata socket");
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_ctrl(m, bio_control);
    BIO_meth_set_create(m, [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    return m;
  }();
  return method;
}

std::string last_error() {
  std::string text = "no reason is given";
  if (const auto code = ERR_peek_last_error()) {
    std::array<char, 256> buffer;
    ERR_error_string_n(code, buffer.data(), buffer.size());
    text = buffer.data();
  }
  ERR_clear_error();
  return text;
}

constexpr std::string_view http1 = "\x08http/1.1";
const auto* const http1_bytes = reinterpret_cast<const unsigned char*>(http1.data());

int choose_http1(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                 unsigned in_size, void*) {
  const int found = SSL_select_next_proto(const_cast<unsigned char**>(out), out_size, http1_bytes,
                                          unsigned(http1.size()), in, in_size);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

using Context = std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)>;

Context new_context(const SSL_METHOD* method) {
  Context context(SSL_CTX_new(method), &SSL_CTX_free);
  auto* const c = context.get();
  check(c != nullptr, "OpenSSL makes a context unless memory has run out");
  SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                          SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  return context;
}

// Node brings an OpenSSL of its own along, which does not know where this system has its file.
void trust_system(SSL_CTX* context) {
  SSL_CTX_set_default_verify_paths(context);  // SSL_CERT_FILE and SSL_CERT_DIR of the environment
  if (std::getenv("SSL_CERT_FILE")) return;
  for (const char* file : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                           "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"})
    if (access(file, R_OK) == 0) {
      SSL_CTX_load_verify_file(context, file);
      return;
    }
}

}  // namespace

TlsStream::TlsStream(ssl_ctx_st* context, int socket) : ssl_(SSL_new(context), &SSL_free) {
  attach(socket);
  SSL_set_accept_state(ssl_.get());
}

TlsStream::TlsStream(ssl_ctx_st* context, int socket, const std::string& host)
    : ssl_(SSL_new(context), &SSL_free) {
  attach(socket);
  SSL_set_connect_state(ssl_.get());
  // An address is not told by SNI (RFC 6066 section 3).
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str()) == 1) return;
  SSL_set1_host(ssl_.get(), host.c_str());
  SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
}

void TlsStream::attach(int socket) {
  check(ssl_ != nullptr, "OpenSSL makes a connection unless memory has run out");
  BIO* const bio = BIO_new(bio_method());
  BIO_set_data(bio, reinterpret_cast<void*>(std::intptr_t{socket}));
  SSL_set_bio(ssl_.get(), bio, bio);
}

TlsStream::~TlsStream() = default;

Moved TlsStream::result(int returned, std::size_t bytes) {
  if (returned == 1) return {Moved::How::bytes, bytes};
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      return {Moved::How::would_block};
    case SSL_ERROR_WANT_WRITE:
      wants_write_ = true;
      return {Moved::How::would_block};
    case SSL_ERROR_ZERO_RETURN:
      return {Moved::How::ended};
    default:
      return {Moved::How::failed};
  }
}

Moved TlsStream::handshake() {
  ERR_clear_error();
  wants_write_ = false;
  return result(SSL_do_handshake(ssl_.get()), 0);
}

Moved TlsStream::receive(std::span<char> into) {
  ERR_clear_error();
  wants_write_ = false;
  std::size_t got = 0;
  const int returned = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
  return result(returned, got);
}

Moved TlsStream::send(std::string_view bytes) {
  ERR_clear_error();
  std::size_t all = 0;
  while (all < bytes.size()) {  // a record at a time
    std::size_t gone = 0;
    const auto moved =
        result(SSL_write_ex(ssl_.get(), bytes.data() + all, bytes.size() - all, &gone), gone);
    if (moved.how == Moved::How::would_block && all > 0) break;
    if (moved.how != Moved::How::bytes) return moved;
    all += gone;
  }
  return {Moved::How::bytes, all};
}

bool TlsStream::is_ready() const { return SSL_is_init_finished(ssl_.get()); }

void TlsStream::say_goodbye() {
  ERR_clear_error();
  if (is_ready()) SSL_shutdown(ssl_.get());
}

std::string TlsStream::failure() const {
  const auto verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK && SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE)
    return X509_verify_cert_error_string(verified);
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason ? reason : "the connection was lost";
}

TlsIdentity::TlsIdentity(Loop& loop, std::string certificate, std::string key, Say say)
    : loop_(loop),
      certificate_(std::move(certificate)),
      key_(std::move(key)),
      say_(std::move(say)),
      context_(nullptr, &SSL_CTX_free) {}

TlsIdentity::~TlsIdentity() { loop_.cancel(timer_); }

Expected<std::unique_ptr<TlsIdentity>> TlsIdentity::open(Loop& loop, std::string certificate,
                                                         std::string key, Say say,
                                                         Duration look_every) {
  std::unique_ptr<TlsIdentity> identity(
      new TlsIdentity(loop, std::move(certificate), std::move(key), std::move(say)));
  identity->stamp_ = identity->stamp();
  if (const auto loaded = identity->load(); !loaded) return std::unexpected(loaded.error());
  identity->timer_ = loop.every(look_every, [raw = identity.get()] { raw->look(); });
  return identity;
}

Expected<void> TlsIdentity::load() {
  ERR_clear_error();
  Context fresh = new_context(TLS_server_method());
  auto* const c = fresh.get();
  // Who comes back shows its ticket: nothing is kept here for those who do not. One is enough for
  // who holds one connection, and each costs an encryption.
  SSL_CTX_set_num_tickets(c, 1);
  SSL_CTX_set_alpn_select_cb(c, choose_http1, nullptr);
  // The default would ask for the pass phrase on the terminal, and wait.
  SSL_CTX_set_default_passwd_cb(c, [](char*, int, int, void*) { return -1; });
  const auto unreadable = [](std::string_view what, const std::string& file) {
    return problem(Problem::Kind::invalid,
                   fmt::format("tls: {} {} cannot be used ({}); it must be PEM, "
                               "readable and without a pass phrase",
                               what, file, last_error()));
  };
  if (SSL_CTX_use_certificate_chain_file(c, certificate_.c_str()) != 1)
    return unreadable("the certificate", certificate_);
  if (SSL_CTX_use_PrivateKey_file(c, key_.c_str(), SSL_FILETYPE_PEM) != 1)
    return unreadable("the key", key_);
  if (SSL_CTX_check_private_key(c) != 1) return unreadable("the key for this certificate,", key_);
  context_ = std::move(fresh);
  return {};
}

std::string TlsIdentity::stamp() const {
  std::string text;
  for (const auto* file : {&certificate_, &key_}) {
    struct stat s{};
    if (stat(file->c_str(), &s) == 0)
      text += fmt::format("{}.{}.{}.{};", s.st_mtim.tv_sec, s.st_mtim.tv_nsec, s.st_size, s.st_ino);
  }
  return text;
}

void TlsIdentity::look() {
  auto now = stamp();
  if (now == stamp_) return;
  stamp_ = std::move(now);
  const auto loaded = load();
  if (!say_) return;
  if (loaded)
    say_(fmt::format("tls: the certificate {} was read anew", certificate_));
  else
    say_(loaded.error().what + "; the old one stays in use");
}

std::unique_ptr<TlsStream> TlsIdentity::accept(int socket) {
  return std::make_unique<TlsStream>(context_.get(), socket);
}

TlsDialler::TlsDialler(Context context) : context_(std::move(context)) {}

Expected<std::unique_ptr<TlsDialler>> TlsDialler::open(const TlsTrust& trust) {
  ERR_clear_error();
  Context context = new_context(TLS_client_method());
  SSL_CTX_set_alpn_protos(context.get(), http1_bytes, unsigned(http1.size()));
  SSL_CTX_set_verify(context.get(), trust.is_insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  if (trust.ca_file.empty())
    trust_system(context.get());
  else if (SSL_CTX_load_verify_file(context.get(), trust.ca_file.c_str()) != 1)
    return problem(Problem::Kind::invalid,
                   fmt::format("tls: the certificates {} cannot be used ({}); it must be PEM, and "
                               "readable",
                               trust.ca_file, last_error()));
  return std::unique_ptr<TlsDialler>(new TlsDialler(std::move(context)));
}

std::unique_ptr<TlsStream> TlsDialler::dial(int socket, const std::string& host) const {
  return std::make_unique<TlsStream>(context_.get(), socket, host);
}

}  // namespace utakata::net
