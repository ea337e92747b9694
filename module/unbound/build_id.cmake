# Writes HEADER with the GNU build-id of PROGRAM.
execute_process(COMMAND readelf -n ${PROGRAM} OUTPUT_VARIABLE notes COMMAND_ERROR_IS_FATAL ANY)
if(NOT notes MATCHES "Build ID: ([0-9a-f]+)")
  message(FATAL_ERROR "'${PROGRAM}' has no build-id; link it with -Wl,--build-id")
endif()
file(CONFIGURE OUTPUT ${HEADER} CONTENT [[
// Made by the build from the program that the module is for.
#pragma once

#include <string_view>

namespace mxw {
constexpr std::string_view kHostBuildId = "@CMAKE_MATCH_1@";
} // namespace mxw
]] @ONLY)
