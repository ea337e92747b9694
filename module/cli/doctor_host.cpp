// The checks of `mxwarden doctor` about the machine: programs, files, and who may do what.
#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <ctime>
#include <fstream>
#include <set>
#include <span>
#include <sstream>
#include <system_error>
#include <utility>

#include <elf.h>
#include <link.h>
#include <pwd.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "loader/dns_text.h"
#include "loader/source.h"
#include "unbound/elf_note.h"

namespace mxw::cli {
namespace {

namespace fs = std::filesystem;

/// Lists and rule files whose modes are looked at.
constexpr std::size_t kMaxFiles = 1000;
constexpr std::uintmax_t kManyOctets = std::uintmax_t{1} << 30U;
constexpr std::uintmax_t kFewOctets = std::uintmax_t{100} << 20U;
/// Of a log, from its end.
constexpr std::streamoff kLogTail = 1 << 20;

std::string text_of(const fs::path &file, std::streamoff tail = 0) {
  std::ifstream in(file, std::ios::binary);
  if (tail > 0 && in.seekg(0, std::ios::end) && in.tellg() > tail)
    in.seekg(-tail, std::ios::end);
  else
    in.seekg(0);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// What the ELF file has in its note of this name; nullopt where there is none.
std::optional<std::string> note_of(const fs::path &file, std::string_view name,
                                   std::uint32_t type) {
  std::ifstream in(file, std::ios::binary);
  const auto read = [&](std::size_t at, void *to, std::size_t bytes) {
    in.clear();
    in.seekg(static_cast<std::streamoff>(at));
    return static_cast<bool>(in.read(static_cast<char *>(to), static_cast<std::streamsize>(bytes)));
  };
  constexpr std::size_t kMaxNotes = 65'536;
  ElfW(Ehdr) header = {};
  if (!read(0, &header, sizeof header) ||
      !std::equal(ELFMAG, ELFMAG + SELFMAG, std::begin(header.e_ident)))
    return std::nullopt;
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) segment = {};
    if (!read(header.e_phoff + i * sizeof segment, &segment, sizeof segment))
      return std::nullopt;
    if (segment.p_type != PT_NOTE || segment.p_filesz > kMaxNotes)
      continue;
    std::vector<unsigned char> notes(segment.p_filesz);
    if (!read(segment.p_offset, notes.data(), notes.size()))
      return std::nullopt;
    if (const auto found = find_note(notes, segment.p_align, name, type))
      return type == NT_GNU_BUILD_ID && name == "GNU" ? hex(*found)
                                                      : std::string(found->begin(), found->end());
  }
  return std::nullopt;
}

/// The module, as the command sees it.
fs::path module_of(const Facts &facts) { return facts.outside(facts.host.module); }

bool is_there(const fs::path &path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// The first directory on the way to `path` that the resolver's user cannot pass; else `path`.
fs::path obstacle(const Facts &facts, const fs::path &path) {
  fs::path way;
  for (const fs::path &part : path.parent_path()) {
    way /= part;
    if (way.native().size() > facts.chroot.size() && !facts.forbidden(way, X_OK).empty())
      return way;
  }
  return path;
}

std::string user_of(const Facts &facts) {
  return facts.user.empty() ? "root" : "'" + facts.user + "'";
}

std::string owner_of(const struct stat &status) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
  const passwd *entry = getpwuid(status.st_uid);
  return entry == nullptr ? std::to_string(status.st_uid) : entry->pw_name;
}

std::string megabytes(std::uintmax_t octets) { return std::to_string(octets >> 20U) + " MiB"; }

/// The settings of others than the drop-in; if there are none, the drop-in.
std::string places(const Facts &facts, std::string_view key) {
  std::string text;
  for (const Setting &setting : module_settings(facts.host.conf))
    if (setting.key == key && real_path(setting.file) != real_path(facts.host.drop_in))
      text += (text.empty() ? "" : ", ") + place_of(setting);
  return text.empty() ? in_quotes(facts.host.drop_in) : text;
}

} // namespace

Founds check_host(const Facts &facts) {
  if (!facts.no_version.empty())
    return {failure(facts.no_version, "apt-get install unbound, or name its directory by --host")};
  if (!facts.unsound.empty())
    return {
        failure("unbound-checkconf refuses " + in_quotes(facts.host.conf) + ": " + facts.unsound,
                "mend it before unbound has to start again")};
  std::string first = lines_of(facts.version).front();
  if (first.starts_with("Version "))
    first.erase(0, 8);
  return good("unbound " + first + " at " + in_quotes(facts.host.program("unbound")) +
              ", whose configuration is sound");
}

Founds check_dynlib(const Facts &facts) {
  if (facts.version.empty())
    return skipped("there is no unbound");
  for (const std::string &line : lines_of(facts.version))
    if (line.starts_with("Linked modules:") && has_module(line, "dynlib"))
      return good("this unbound can load modules");
  return {failure("this unbound is built without dynlib, as the distribution's is",
                  "contrib/unbound/build makes one that has it, see docs/deploy.md")};
}

Founds check_running(const Facts &facts) {
  if (!facts.runs)
    return {failure("no unbound runs with " + in_quotes(facts.host.conf),
                    "start it: systemctl start unbound")};
  if (!facts.runs->is_program)
    return {failure("process " + std::to_string(facts.runs->pid) + " runs " +
                        in_quotes(facts.runs->exe) + ", which is not the program that is " +
                        in_quotes(facts.host.program("unbound")) + " now",
                    "restart it, and do not reload: it would load a module for the other program, "
                    "and end")};
  return good("process " + std::to_string(facts.runs->pid) + " runs that program");
}

Founds check_build_id(const Facts &facts) {
  const fs::path module = module_of(facts);
  if (!is_there(module) || !is_there(facts.host.program("unbound")))
    return skipped("there is no module, or no unbound");
  const auto meant = note_of(module, kHostNoteName, kHostNoteType);
  if (!meant)
    return {failure(in_quotes(module) + " does not tell which unbound it is for",
                    "it is no mxwarden, or one from before 'mxwarden doctor'; install it anew")};
  Founds bad;
  const auto compare = [&](const fs::path &program, const std::string &what) {
    const auto id = note_of(program, "GNU", NT_GNU_BUILD_ID);
    if (id != meant)
      bad.push_back(failure("the module is for the unbound with build-id " + *meant + ", and " +
                                what + " has " + id.value_or("none"),
                            "install the mxwarden that was built for this unbound, or build it "
                            "again; until then unbound does not start with it"));
  };
  compare(facts.host.program("unbound"), in_quotes(facts.host.program("unbound")));
  if (facts.runs && !facts.runs->is_program)
    compare(fs::path("/proc") / std::to_string(facts.runs->pid) / "exe", "the running process");
  return or_good(std::move(bad), "the module is for this unbound, " + *meant);
}

Founds check_module(const Facts &facts) {
  const fs::path module = module_of(facts);
  struct stat status = {};
  if (stat(module.c_str(), &status) != 0)
    return {failure("there is no module at " + in_quotes(module),
                    facts.is_on() ? "install it: unbound does not start without it, or mxwarden "
                                    "disable"
                                  : "install it, or name it by --module")};
  if (!S_ISREG(status.st_mode))
    return {failure(in_quotes(module) + " is no file", "install it anew")};
  if (const std::string why = facts.forbidden(module, R_OK); !why.empty())
    return {failure(user_of(facts) + " cannot read " + in_quotes(module) + ": " + why,
                    "chmod a+rX " + in_quotes(obstacle(facts, module)))};
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 || status.st_uid != 0)
    return {warning("others than root may write " + in_quotes(module),
                    "whoever can decides what the resolver does: chown root, chmod go-w")};
  return good(in_quotes(module) + ", which " + user_of(facts) + " can read");
}

Founds check_libraries(const Facts &facts) {
  const fs::path module = module_of(facts);
  if (!is_there(module))
    return skipped("there is no module");
  const auto list = run({"ldd", module.native()});
  if (!list)
    return skipped(list.error());
  Founds bad;
  for (const std::string &line : lines_of(list->out)) {
    const auto words = words_of(line);
    if (line.find("not found") != std::string::npos) {
      bad.push_back(failure("the module needs " + (words.empty() ? line : words.front()) +
                                ", which is not there",
                            "apt-get install --reinstall mxwarden, or the library's package"));
      continue;
    }
    const auto path = std::find_if(words.begin(), words.end(),
                                   [](const std::string &word) { return word.starts_with('/'); });
    if (path == words.end())
      continue;
    if (!facts.chroot.empty() && !is_there(facts.outside(*path)))
      bad.push_back(
          failure("in the chroot " + in_quotes(facts.chroot) + " there is no " + in_quotes(*path),
                  "copy it there, see \"Chroot\" in docs/deploy.md"));
  }
  return or_good(std::move(bad), "what the module needs is there");
}

Founds check_order(const Facts &facts) {
  if (facts.modules.empty())
    return skipped("the configuration cannot be read");
  if (!facts.is_on()) {
    for (const Setting &setting : module_settings(facts.host.conf))
      if (setting.key == "module-config" && setting.value.find("dynlib") != std::string::npos)
        return {failure(place_of(setting) +
                            " has dynlib, but another file sets module-config to \"" +
                            facts.modules + "\" after it",
                        "take it out there: " + places(facts, "module-config"))};
    return {failure("dynlib is not in module-config, \"" + facts.modules + "\": nothing is decided",
                    "mxwarden enable")};
  }
  if (const std::string right = with_dynlib(facts.modules); right != facts.modules)
    return {failure("module-config is \"" + facts.modules +
                        "\": what stands before dynlib answers "
                        "without it",
                    "make it \"" + right + "\" in " + places(facts, "module-config"))};
  const auto files = effective(facts.host, "dynlib-file");
  const std::size_t libraries = files ? lines_of(*files).size() : 0;
  if (libraries != 1)
    return {failure(count(libraries, "dynlib-file") + " in the configuration, and one dynlib takes "
                                                      "the first",
                    "leave one of " + places(facts, "dynlib-file"))};
  return good("module-config is \"" + facts.modules + '"');
}

Founds check_rules(const Facts &facts) {
  const Loaded &loaded = facts.loaded;
  const auto number = [&](Severity severity) {
    return static_cast<std::size_t>(
        std::count_if(loaded.findings.begin(), loaded.findings.end(),
                      [&](const Diagnostic &finding) { return finding.severity == severity; }));
  };
  if (loaded.has_errors()) {
    const auto first =
        std::find_if(loaded.findings.begin(), loaded.findings.end(),
                     [](const Diagnostic &finding) { return finding.severity == Severity::error; });
    return {failure(count(number(Severity::error), "error") + ", the first in " + first->file +
                        (first->line == 0 ? "" : ":" + std::to_string(first->line)) + ": " +
                        first->message,
                    "mend them; mxwarden check tells all")};
  }
  return good(count(loaded.policy->rules().size(), "rule") + ", " +
              count(loaded.policy->index().names().size(), "protected name") + " from " +
              in_quotes(facts.outside(facts.config)) +
              (number(Severity::warning) == 0 ? ""
                                              : "; " + count(number(Severity::warning), "warning") +
                                                    ", which mxwarden check shows"));
}

Founds check_rule_files(const Facts &facts) {
  // Lists too; of patterns the directory, in which new files are looked for.
  std::set<fs::path> files;
  for (const fs::path &input : facts.loaded.inputs)
    if (files.size() < kMaxFiles)
      files.insert(is_there(input) ? input : input.parent_path());
  Founds bad;
  std::error_code error;
  for (const fs::path &file : files) {
    if (!is_there(file))
      continue;
    const bool is_directory = fs::is_directory(file, error);
    const std::string why = facts.forbidden(file, is_directory ? R_OK | X_OK : R_OK);
    if (!why.empty() && bad.size() < 5)
      bad.push_back(failure(user_of(facts) + " cannot read " + in_quotes(file) + ": " + why,
                            "chmod a+rX " + in_quotes(obstacle(facts, file))));
  }
  return or_good(std::move(bad), user_of(facts) + " can read " + count(files.size(), "file"));
}

Founds check_mode(const Facts &facts) {
  if (!facts.loaded.policy)
    return skipped("the rules have errors");
  const std::vector<Rule> &rules = facts.loaded.policy->rules();
  const auto enforced = static_cast<std::size_t>(std::count_if(
      rules.begin(), rules.end(), [](const Rule &rule) { return rule.mode == Mode::enforce; }));
  if (enforced == 0)
    return good("every rule only observes: nothing is answered differently");
  return good(count(enforced, "rule") + " of " + std::to_string(rules.size()) + " enforced");
}

Founds check_state(const Facts &facts) {
  const fs::path state = facts.outside(facts.state);
  struct stat status = {};
  if (stat(state.c_str(), &status) != 0)
    return {
        failure("there is no state directory " + in_quotes(state),
                "mkdir " + state.native() +
                    (facts.user.empty() ? "" : "; chown " + facts.user + ": " + state.native()))};
  if (!S_ISDIR(status.st_mode))
    return {failure(in_quotes(state) + " is no directory", "move it away and make one")};
  if (const std::string why = facts.forbidden(state, R_OK | W_OK | X_OK); !why.empty())
    return {failure(user_of(facts) + " cannot write in " + in_quotes(state) + ", of '" +
                        owner_of(status) + "': " + why,
                    "chown " + (facts.user.empty() ? "root" : facts.user) + ": " + state.native())};
  if ((status.st_mode & S_IWOTH) != 0)
    return {failure("everybody may write in " + in_quotes(state) +
                        ", and so decide what is enforced after broken rules",
                    "chmod 755 " + state.native())};
  if (facts.status && !is_there(state / "last-good"))
    return {warning("there are no last good rules in " + in_quotes(state) +
                        ": with broken ones nothing would be enforced after a restart",
                    "mxwarden reload writes them; unbound's log says what is in the way")};
  return good(in_quotes(state) + " is " + user_of(facts) + "'s" +
              (is_there(state / "last-good") ? ", with the last good rules" : ""));
}

Founds check_events(const Facts &facts) {
  if (facts.loaded.has_errors())
    return skipped("the rules have errors");
  if (facts.loaded.settings.events_file.empty())
    return skipped("events are written nowhere");
  const fs::path file = facts.outside(facts.loaded.settings.events_file);
  const fs::path directory = file.parent_path();
  struct stat status = {};
  const bool is_file = stat(file.c_str(), &status) == 0;
  if (is_file && !S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode))
    return {failure(in_quotes(file) + " is no file, so events are lost",
                    "name another by [events] file, and unbound-control reload")};
  if (const std::string why =
          is_file ? facts.forbidden(file, W_OK) : facts.forbidden(directory, W_OK | X_OK);
      !why.empty())
    return {failure(user_of(facts) + " cannot write " + in_quotes(file) + ": " + why,
                    "chown " + (facts.user.empty() ? "root" : facts.user) + ": " +
                        (is_file ? file : directory).native() + ", and unbound-control reload")};
  struct statvfs room = {};
  if (statvfs(directory.c_str(), &room) == 0 && room.f_bavail * room.f_frsize < kFewOctets)
    return {warning("there are " + megabytes(room.f_bavail * room.f_frsize) + " left for " +
                        in_quotes(file),
                    "make room, or have it elsewhere; when it is full events are lost")};
  const auto octets = is_file ? static_cast<std::uintmax_t>(status.st_size) : 0;
  if (octets > kManyOctets)
    return {warning(in_quotes(file) + " has " + megabytes(octets),
                    "have it rotated, see docs/events.md")};
  return good(in_quotes(file) + ", " + megabytes(octets));
}

Founds check_control(const Facts &facts) {
  const fs::path socket = facts.outside(facts.state) / "control";
  if (facts.status)
    return good("the module answers at " + in_quotes(socket));
  if (facts.runs && facts.is_on())
    return {failure(facts.no_status,
                    "unbound reads its configuration at a reload; its log says why the module "
                    "cannot listen")};
  if (is_there(socket))
    return {warning(in_quotes(socket) + " is there, and nobody listens: unbound did not end as it "
                                        "should",
                    "the log says why; the next start takes its place")};
  return skipped("no module runs");
}

Founds check_in_force(const Facts &facts) {
  if (!facts.status)
    return skipped("no module answers");
  const nlohmann::ordered_json &status = *facts.status;
  const std::string source = status.at("source");
  if (source == "none")
    return {failure("no rules are in force, so nothing is decided",
                    "mxwarden check, and mend what it finds")};
  if (source == "last-good" || status.at("refused").get<bool>())
    return {failure("rules from before are in force, because those in the files have errors",
                    "mxwarden check, and mend what it finds")};
  if (const std::string config = status.at("config"); fs::path(config) != facts.config)
    return {
        warning("the module reads '" + config + "', and this looked at " + in_quotes(facts.config),
                "set MXWARDEN_CONFIG as unbound has it")};
  if (status.at("version") != MXW_VERSION)
    return {warning("the running module is version " + status.at("version").get<std::string>() +
                        ", this command is " MXW_VERSION,
                    "restart unbound, or have both of one version")};
  for (const fs::path &file : facts.loaded.files) {
    struct stat written = {};
    if (stat(file.c_str(), &written) == 0 &&
        written.st_mtim.tv_sec > status.at("loaded_s").get<std::int64_t>() + 5 &&
        written.st_mtim.tv_sec < std::time(nullptr) - 5)
      return {warning(in_quotes(file) + " was written after the rules were read",
                      "mxwarden reload; unbound's log says if files cannot be watched")};
  }
  return good("the rules of the files, generation " +
              std::to_string(status.at("generation").get<std::uint64_t>()));
}

Founds check_view(const Facts &facts) {
  if (!facts.runs)
    return skipped("no unbound runs");
  const fs::path root = fs::path("/proc") / std::to_string(facts.runs->pid) / "root";
  Founds bad;
  for (const fs::path &path : {facts.host.module, facts.config, facts.state}) {
    struct stat here = {};
    struct stat there = {};
    if (stat(facts.outside(path).c_str(), &here) != 0)
      continue; // which others tell of
    fs::path inside = path;
    if (!facts.chroot.empty() && path.native().starts_with(facts.chroot + '/'))
      inside = path.native().substr(facts.chroot.size());
    if (stat((root / inside.relative_path()).c_str(), &there) != 0 || here.st_dev != there.st_dev ||
        here.st_ino != there.st_ino)
      bad.push_back(failure("the running unbound does not see " + in_quotes(path),
                            "its unit hides it (ProtectHome, PrivateTmp, InaccessiblePaths, …), "
                            "or it was mounted since: systemctl cat unbound, then restart it"));
    struct statvfs view = {};
    if (path == facts.state && statvfs((root / inside.relative_path()).c_str(), &view) == 0 &&
        (view.f_flag & ST_RDONLY) != 0)
      bad.push_back(failure("the running unbound sees " + in_quotes(path) + " read-only",
                            "add ReadWritePaths=" + path.native() + " to its unit, restart it"));
  }
  return or_good(std::move(bad), "the running unbound sees the same files");
}

Founds check_apparmor(const Facts &facts) {
  std::string mode;
  for (const std::string &line : lines_of(text_of("/sys/kernel/security/apparmor/profiles")))
    for (const char *name : {"unbound (", "/usr/sbin/unbound ("})
      if (line.starts_with(name))
        mode = line.substr(std::string_view(name).size(),
                           line.size() - std::string_view(name).size() - 1);
  if (mode.empty())
    return skipped("no profile for unbound is loaded");
  Founds bad;
  std::string local = text_of("/etc/apparmor.d/local/usr.sbin.unbound");
  if (local.find("<abstractions/mxwarden>") != std::string::npos) // the package's line
    local += text_of("/etc/apparmor.d/abstractions/mxwarden");
  for (const fs::path &path : {facts.config.parent_path(), facts.state})
    if (mode == "enforce" && local.find(path.native()) == std::string::npos)
      bad.push_back(failure("the profile of unbound is enforced, and "
                            "/etc/apparmor.d/local/usr.sbin.unbound does not have " +
                                in_quotes(path),
                            "have it include <abstractions/mxwarden> or add lines for it, see "
                            "\"AppArmor\" in docs/deploy.md, then "
                            "apparmor_parser -r /etc/apparmor.d/usr.sbin.unbound"));
  std::string logs =
      text_of("/var/log/audit/audit.log", kLogTail) + text_of("/var/log/kern.log", kLogTail);
  constexpr int kReadAll = 3; // syslog(2) has no name for it
  std::string ring(std::size_t{1} << 18U, '\0');
  if (const int octets = klogctl(kReadAll, ring.data(), static_cast<int>(ring.size())); octets > 0)
    logs.append(ring, 0, static_cast<std::size_t>(octets));
  std::set<std::string> denied;
  for (const std::string &line : lines_of(logs)) {
    const std::size_t name = line.find(" name=\"");
    if (line.find("apparmor=\"DENIED\"") == std::string::npos || name == std::string::npos ||
        line.find("unbound\"") == std::string::npos)
      continue;
    const std::string path = line.substr(name + 7, line.find('"', name + 7) - name - 7);
    for (const fs::path &ours :
         {facts.config.parent_path(), facts.state, facts.host.module.parent_path()})
      if (path.starts_with(ours.native()))
        denied.insert(path);
  }
  if (!denied.empty())
    bad.push_back(warning("AppArmor has denied unbound '" + *denied.begin() + "'" +
                              (denied.size() == 1 ? "" : " and others"),
                          "compare the log with docs/deploy.md; old entries go with the log"));
  return or_good(std::move(bad), "the profile of unbound (" + mode + ") has what it needs");
}

Founds check_clock(const Facts &facts) {
  struct stat module = {};
  constexpr std::time_t kDay = 86'400;
  if (stat(module_of(facts).c_str(), &module) == 0 &&
      module.st_mtim.tv_sec > std::time(nullptr) + kDay)
    return {failure("it is before the day on which the module was installed",
                    "set the clock: allow entries expire by it, and DNSSEC fails")};
  timex state = {};
  if (adjtimex(&state) == TIME_ERROR || (state.status & STA_UNSYNC) != 0)
    return {warning("the clock is not synchronised",
                    "apt-get install systemd-timesyncd: allow entries expire by it")};
  return good("the clock is synchronised");
}

Founds check_unbound_control(const Facts &facts) {
  if (!facts.runs)
    return skipped("no unbound runs");
  const auto status =
      run({facts.host.program("unbound-control"), "-c", facts.host.conf.native(), "status"});
  if (!status)
    return {warning(status.error(), "apt-get install unbound")};
  if (status->status != 0)
    return {warning("unbound-control gets no answer: " + status->out + status->err,
                    "set control-enable: yes under remote-control:")};
  return good("unbound-control is answered");
}

Founds check_dnssec(const Facts &facts) {
  if (facts.modules.empty())
    return skipped("the configuration cannot be read");
  if (!has_module(facts.modules, "validator"))
    return {
        warning("the resolver does not validate: 'verify' of rules would believe forged answers",
                "put validator into module-config, after dynlib")};
  const auto anchors = effective(facts.host, "auto-trust-anchor-file");
  Founds bad;
  for (const std::string &anchor : lines_of(anchors.value_or(""))) {
    const fs::path file = facts.outside(anchor);
    const fs::path place = is_there(file) ? file : file.parent_path();
    std::string why = facts.forbidden(place, R_OK | W_OK);
    if (why.empty())
      why = facts.forbidden(file.parent_path(), W_OK | X_OK);
    if (!why.empty())
      bad.push_back(
          failure(user_of(facts) + " cannot write the trust anchor " + in_quotes(file) + ": " + why,
                  "chown " + (facts.user.empty() ? "root" : facts.user) + ": " + file.native() +
                      " and its directory; unbound ends without it"));
  }
  return or_good(std::move(bad), "it validates");
}

} // namespace mxw::cli
