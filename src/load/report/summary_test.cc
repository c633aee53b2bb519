#include "load/report/summary.h"

#include <gtest/gtest.h>

#include <sstream>

#include "load/report/sample_for_tests.h"
#include "load/report/text_cells.h"

namespace utakata::load {
namespace {

TEST(Summary, sample) { std::cout << summary_of(sample_report()); }

}  // namespace
}  // namespace utakata::load
