#include "wire/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "base/check.h"

namespace utakata::wire {
namespace {

using Bytes = std::array<unsigned char, EVP_MAX_MD_SIZE>;

std::string hex(const Bytes& bytes, unsigned size) {
  std::string text;
  for (unsigned i = 0; i < size; ++i)
    for (const int half : {bytes[i] >> 4, bytes[i] & 15}) text += "0123456789abcdef"[half];
  return text;
}

std::string digest_hex(std::string_view text, const EVP_MD* kind) {
  Bytes digest;
  unsigned size = 0;
  check(EVP_Digest(text.data(), text.size(), digest.data(), &size, kind, nullptr) == 1,
        "every OpenSSL has SHA-256 and MD5");
  return hex(digest, size);
}

}  // namespace

std::string sha256_hex(std::string_view text) { return digest_hex(text, EVP_sha256()); }
std::string md5_hex(std::string_view text) { return digest_hex(text, EVP_md5()); }

std::string hmac_sha256_hex(std::string_view secret, std::string_view text) {
  Bytes digest;
  unsigned size = 0;
  check(HMAC(EVP_sha256(), secret.data(), int(secret.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
             &size) != nullptr,
        "every OpenSSL has HMAC-SHA-256");
  return hex(digest, size);
}

struct Sha256::State {
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  check(EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) == 1,
        "every OpenSSL has SHA-256");
}
Sha256::~Sha256() = default;

void Sha256::add(std::string_view piece) {
  EVP_DigestUpdate(state_->context.get(), piece.data(), piece.size());
}

std::string Sha256::hex() {
  Bytes digest;
  unsigned size = 0;
  check(EVP_DigestFinal_ex(state_->context.get(), digest.data(), &size) == 1,
        "a digest is taken once");
  return utakata::wire::hex(digest, size);
}

bool constant_time_equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace utakata::wire
