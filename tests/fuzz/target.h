// What the fuzzer calls with each input, and the replay with each input that was kept.
#pragma once

#include <cstddef>
#include <cstdint>

/// Does with `data` what its first octet says, and aborts where something does not hold. Returns 0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);
