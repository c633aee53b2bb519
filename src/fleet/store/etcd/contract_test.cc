// The store in a real etcd keeps what every store promises.
#include <gtest/gtest.h>

#include <memory>

#include "fleet/store/etcd/etcd_store_for_tests.h"
#include "fleet/store/store_contract.h"

namespace utakata {
namespace {

StoreKind etcd_kind() {
  return {.name = "etcd",
          .why_not = [] { return shared_etcd().why_not(); },
          .make =
              [] {
                const auto place = std::make_shared<EtcdPlace>(shared_etcd());
                return [place]() -> std::unique_ptr<Store> {
                  auto opened = place->open();
                  return opened ? std::move(*opened) : nullptr;
                };
              }};
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, ::testing::Values(etcd_kind()), store_kind_name);

}  // namespace
}  // namespace utakata
