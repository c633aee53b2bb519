#include "fleet/provider/provider.h"

namespace utakata {

void Provider::find_foreign(const ForeignQuery&,
                            std::function<void(Expected<std::vector<Foreign>>)> done) {
  done(problem(Problem::Kind::refused,
               "this provider adopts nothing: `process` and `docker` do, what runs on this host"));
}

}  // namespace utakata
