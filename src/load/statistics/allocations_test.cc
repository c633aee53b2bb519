// Apart from whoever uses them: a compiler that sees both sides warns of a mismatch.
#include <atomic>
#include <cstdlib>
#include <new>

#include "load/statistics/allocations_for_tests.h"

namespace {
std::atomic<std::size_t> allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace utakata::load {
std::size_t allocations_so_far() { return allocations; }
}  // namespace utakata::load
