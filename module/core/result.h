// Failure as a value: what a function returns that can go wrong in the normal course of things.
#pragma once

#include <tl/expected.hpp>

#include "core/diagnostic.h"

namespace mxw {

template <class T> using Result = tl::expected<T, Diagnostic>;

} // namespace mxw
