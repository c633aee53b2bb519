#include "cli/cli.h"

int main(int argc, char** argv) { return utakata::run_command_line(argc, argv); }
