// For tests of TLS: a certificate made on the spot.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "net/http_server.h"

namespace utakata::net {

// A folder with a self-made certificate and its key, gone with the test.
class TlsTestFiles {
 public:
  TlsTestFiles() {
    std::string name = std::filesystem::temp_directory_path() / "tls_test.XXXXXX";
    folder_ = mkdtemp(name.data());
    write("first");
  }
  ~TlsTestFiles() { std::filesystem::remove_all(folder_); }
  TlsFiles names() const { return {folder_ / "certificate.pem", folder_ / "key.pem", 5ms}; }

  void write(const std::string& common_name) {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> x(X509_new(), &X509_free);
    ASN1_INTEGER_set(X509_get_serialNumber(x.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(x.get()), 3600);
    X509_set_pubkey(x.get(), key.get());
    auto* const name = X509_get_subject_name(x.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
    X509_set_issuer_name(x.get(), name);
    X509_sign(x.get(), key.get(), EVP_sha256());
    put("key.pem", [&](FILE* f) {
      PEM_write_PrivateKey(f, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    put("certificate.pem", [&](FILE* f) { PEM_write_X509(f, x.get()); });
  }
  void spoil() {
    put("certificate.pem", [](FILE* f) { std::fputs("not a certificate", f); });
  }

 private:
  void put(const std::string& name,
           auto fill) {  // whole or not at all, as who renews certificates does
    const auto fresh = folder_ / (name + ".new");
    FILE* const file = std::fopen(fresh.c_str(), "w");
    fill(file);
    std::fclose(file);
    std::filesystem::rename(fresh, folder_ / name);
  }
  std::filesystem::path folder_;
};

}  // namespace utakata::net
