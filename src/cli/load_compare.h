#pragma once

namespace CLI {
class App;
}

namespace utakata {

// `utakata load compare A B`.
void add_load_compare(CLI::App& load, int& exit_code);

}  // namespace utakata
