// main() and Catch2 itself, once for all test programs: it is most of what there is to compile.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
