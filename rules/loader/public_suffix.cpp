#include "loader/public_suffix.h"

#include <array>
#include <memory>

#include <libpsl.h>

namespace mxw {

bool is_public_suffix(std::string_view name) noexcept {
  // As long as this library is loaded.
  static const std::unique_ptr<psl_ctx_t, void (*)(psl_ctx_t *)> list(psl_latest(nullptr),
                                                                      psl_free);
  std::array<char, 256> text; // NOLINT(*-member-init): filled below
  if (name.empty() || name.size() >= text.size())
    return false;
  name.copy(text.data(), name.size());
  text[name.size()] = '\0';
  return psl_is_public_suffix2(list ? list.get() : psl_builtin(), text.data(),
                               PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1;
}

} // namespace mxw
