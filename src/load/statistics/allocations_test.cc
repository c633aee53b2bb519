// Apart from whoever uses them: a compiler that sees both sides warns of a mismatch.
#include <atomic>
#include <cstdlib>
#include <new>

#include "load/statistics/allocations_for_tests.h"

namespace {
std::atomic<std::size_t> allocations = 0;
}  // namespace

// All that may be mixed: the address sanitizer's own do not go with these.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace utakata::load {
std::size_t allocations_so_far() { return allocations; }
}  // namespace utakata::load
