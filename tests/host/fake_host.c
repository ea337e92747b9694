/* See fake_host.h. Beside the shim, the only file with Unbound's headers. */
#define _GNU_SOURCE
#include "config.h"

#include "daemon/worker.h"
#include "dynlibmod/dynlibmod.h"
#include "services/cache/dns.h"
#include "services/mesh.h"
#include "util/config_file.h"
#include "util/data/msgreply.h"
#include "util/module.h"
#include "util/net_help.h"
#include "util/regional.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

#include "fake_host.h"

enum { MODULE_ID = 3, LOG_BYTES = 1 << 16, REGION_BYTES = 1 << 16 };

struct fake_host {
  void *library;
  struct dynlibmod_env dynlib;
  struct module_env env;
  struct config_file cfg;
  struct worker worker;
  struct mesh_area mesh;
  struct timeval now;
  inplace_cb_reply_func_type *reply_callback;
  size_t callbacks;
};

/* ---- the functions that the module imports ---- */

static char log_text[LOG_BYTES];
static size_t log_used;

static void log_line(const char *format, va_list arguments) {
  int n = vsnprintf(log_text + log_used, LOG_BYTES - log_used, format, arguments);
  if (n > 0)
    log_used += (size_t)n;
  if (log_used + 2 > LOG_BYTES)
    log_used = LOG_BYTES - 2;
  log_text[log_used++] = '\n';
  log_text[log_used] = 0;
}

void log_err(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  log_line(format, arguments);
  va_end(arguments);
}

void log_warn(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  log_line(format, arguments);
  va_end(arguments);
}

void log_info(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  log_line(format, arguments);
  va_end(arguments);
}

const char *fake_log(void) {
  static char copy[LOG_BYTES];
  memcpy(copy, log_text, log_used + 1);
  log_used = 0;
  log_text[0] = 0;
  return copy;
}

static union {
  char octets[REGION_BYTES];
  max_align_t align;
} region;
static size_t region_used;
static long allocations_left = -1;

void fake_allow_allocations(long n) { allocations_left = n; }

void *regional_alloc(struct regional *r, size_t size) {
  (void)r;
  size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
  if (allocations_left == 0 || size > REGION_BYTES - region_used)
    return NULL;
  if (allocations_left > 0)
    --allocations_left;
  region_used += size;
  return region.octets + region_used - size;
}

void *regional_alloc_zero(struct regional *r, size_t size) {
  void *memory = regional_alloc(r, size);
  if (memory != NULL)
    memset(memory, 0, size);
  return memory;
}

void *regional_alloc_init(struct regional *r, const void *octets, size_t size) {
  void *memory = regional_alloc(r, size);
  if (memory != NULL)
    memcpy(memory, octets, size);
  return memory;
}

struct dns_msg *dns_msg_create(uint8_t *qname, size_t qnamelen, uint16_t qtype, uint16_t qclass,
                               struct regional *r, size_t capacity) {
  struct dns_msg *msg = regional_alloc_zero(r, sizeof(*msg));
  if (msg == NULL)
    return NULL;
  msg->qinfo.qname = regional_alloc_init(r, qname, qnamelen);
  msg->qinfo.qname_len = qnamelen;
  msg->qinfo.qtype = qtype;
  msg->qinfo.qclass = qclass;
  msg->rep = regional_alloc_zero(r, sizeof(*msg->rep));
  if (msg->qinfo.qname == NULL || msg->rep == NULL)
    return NULL;
  msg->rep->rrsets = regional_alloc(r, capacity * sizeof(*msg->rep->rrsets));
  return msg->rep->rrsets == NULL ? NULL : msg;
}

int edns_opt_list_append(struct edns_option **list, uint16_t code, size_t len, uint8_t *data,
                         struct regional *r) {
  struct edns_option *option = regional_alloc_zero(r, sizeof(*option));
  if (option == NULL)
    return 0;
  option->opt_code = code;
  option->opt_len = len;
  option->opt_data = regional_alloc_init(r, data, len);
  if (option->opt_data == NULL)
    return 0;
  while (*list != NULL)
    list = &(*list)->next;
  *list = option;
  return 1;
}

int edns_opt_list_append_ede(struct edns_option **list, struct regional *r, sldns_ede_code code,
                             const char *text) {
  uint8_t data[1300];
  const size_t len = strlen(text);
  sldns_write_uint16(data, (uint16_t)code);
  memcpy(data + 2, text, len);
  return edns_opt_list_append(list, LDNS_EDNS_EDE, len + 2, data, r);
}

/* ---- heap ---- */

static size_t allocated_blocks;
static size_t freed_blocks;
static __thread size_t own_blocks; /* of those allocated, by this thread */

size_t fake_heap_blocks(void) {
  return __atomic_load_n(&allocated_blocks, __ATOMIC_RELAXED) -
         __atomic_load_n(&freed_blocks, __ATOMIC_RELAXED);
}

#ifndef MXW_SANITIZED
/* The whole process comes here, the module too: that is how it is counted. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

static void *counted(void *memory) {
  __atomic_add_fetch(&allocated_blocks, memory != NULL, __ATOMIC_RELAXED);
  ++own_blocks;
  return memory;
}
void *malloc(size_t size) { return counted(__libc_malloc(size)); }
void *calloc(size_t n, size_t size) { return counted(__libc_calloc(n, size)); }
void *aligned_alloc(size_t alignment, size_t size) {
  return counted(__libc_memalign(alignment, size));
}
void *realloc(void *memory, size_t size) {
  return memory == NULL ? malloc(size) : __libc_realloc(memory, size);
}
void free(void *memory) {
  __atomic_add_fetch(&freed_blocks, memory != NULL, __ATOMIC_RELAXED);
  __libc_free(memory);
}
#endif

/* ---- threads ---- */

#ifndef MXW_SANITIZED
static int threads_allowed = 1;
int fake_allow_threads(int allowed) { return threads_allowed = allowed; }

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument) {
  int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
  return threads_allowed ? create(thread, attributes, start, argument) : EAGAIN;
}
#else
int fake_allow_threads(int allowed) {
  (void)allowed;
  return 1;
}
#endif

/* ---- the host ---- */

static const char *last_error = "";
const char *fake_error(void) { return last_error; }

static struct fake_host *host_of(struct module_env *env) {
  return (struct fake_host *)((char *)env - offsetof(struct fake_host, env));
}

static int register_callback(void *callback, enum inplace_cb_list_type type, void *argument,
                             struct module_env *env, int id) {
  (void)type;
  (void)argument;
  (void)id;
  struct fake_host *host = host_of(env);
  host->reply_callback = (inplace_cb_reply_func_type *)callback;
  ++host->callbacks;
  return 1;
}

static void delete_callbacks(struct module_env *env, enum inplace_cb_list_type type, int id) {
  (void)type;
  (void)id;
  --host_of(env)->callbacks;
}

struct fake_host *fake_load(const char *module) {
  struct fake_host *host = calloc(1, sizeof(*host));
  host->library = dlopen(module, RTLD_LAZY | RTLD_GLOBAL);
  if (host->library == NULL) {
    last_error = dlerror();
    free(host);
    return NULL;
  }
  struct dynlibmod_env *dynlib = &host->dynlib;
  dynlib->func_init = (func_init_t)dlsym(host->library, "init");
  dynlib->func_deinit = (func_deinit_t)dlsym(host->library, "deinit");
  dynlib->func_operate = (func_operate_t)dlsym(host->library, "operate");
  dynlib->func_inform = (func_inform_t)dlsym(host->library, "inform_super");
  dynlib->func_clear = (func_clear_t)dlsym(host->library, "clear");
  dynlib->func_get_mem = (func_get_mem_t)dlsym(host->library, "get_mem");
  dynlib->inplace_cb_register_wrapped = &register_callback;
  dynlib->inplace_cb_delete_wrapped = &delete_callbacks;
  host->now.tv_sec = 1800000000;
  host->env.modinfo[MODULE_ID] = dynlib;
  host->env.cfg = &host->cfg;
  host->env.worker = &host->worker;
  host->env.mesh = &host->mesh;
  host->env.now_tv = &host->now;
  return host;
}

int fake_init(struct fake_host *host, size_t workers) {
  host->cfg.num_threads = (int)workers;
  host->env.worker = NULL; /* as in Unbound: there are no workers yet */
  int ok = host->dynlib.func_init(&host->env, MODULE_ID);
  host->env.worker = &host->worker;
  return ok;
}

void fake_deinit(struct fake_host *host) {
  host->env.cfg = NULL; /* at exit it is gone by now */
  host->dynlib.func_deinit(&host->env, MODULE_ID);
  host->env.cfg = &host->cfg;
}

static struct module_env *unreadable_env(void) {
  return mmap(NULL, 1 << 16, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int fake_init_unreadable(struct fake_host *host) {
  return host->dynlib.func_init(unreadable_env(), MODULE_ID);
}

void fake_deinit_unreadable(struct fake_host *host) {
  host->dynlib.func_deinit(unreadable_env(), MODULE_ID);
}

int fake_unload(struct fake_host *host) {
  int failed = dlclose(host->library);
  free(host);
  return failed;
}

size_t fake_get_mem(struct fake_host *host) {
  return host->dynlib.func_get_mem(&host->env, MODULE_ID);
}

size_t fake_callbacks(const struct fake_host *host) { return host->callbacks; }

static void read_message(const struct dns_msg *msg, struct fake_reply *reply) {
  const struct reply_info *rep = msg->rep;
  reply->has_message = 1;
  reply->flags = rep->flags;
  reply->rcode = (int)FLAGS_GET_RCODE(rep->flags);
  reply->security_is_insecure = rep->security == sec_status_insecure;
  if (rep->rrset_count != 1)
    return;
  const struct ub_packed_rrset_key *key = rep->rrsets[0];
  const struct packed_rrset_data *data = (const struct packed_rrset_data *)key->entry.data;
  if (rep->an_numrrsets == 1)
    reply->answers = data->count;
  if (rep->ns_numrrsets == 1)
    reply->authorities = data->count;
  reply->type = ntohs(key->rk.type);
  reply->owner_bytes = key->rk.dname_len;
  memcpy(reply->owner, key->rk.dname, key->rk.dname_len);
  reply->rdata_bytes = data->rr_len[0] - 2;
  memcpy(reply->rdata, data->rr_data[0] + 2, reply->rdata_bytes);
  reply->ttl_s = (long)data->rr_ttl[0];
}

struct fake_reply fake_ask(struct fake_host *host, const struct fake_question *question) {
  struct mesh_reply waiting;
  struct mesh_state mesh;
  struct module_qstate *qstate = &mesh.s;
  struct fake_reply reply;
  memset(&waiting, 0, sizeof(waiting));
  memset(&mesh, 0, sizeof(mesh));
  memset(&reply, 0, sizeof(reply));
  region_used = 0;

  waiting.query_reply.client_addr.ss_family = (sa_family_t)question->family;
  if (question->family == AF_INET) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)&waiting.query_reply.client_addr;
    memcpy(&v4->sin_addr, question->address, 4);
  } else if (question->family == AF_INET6) {
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&waiting.query_reply.client_addr;
    memcpy(&v6->sin6_addr, question->address, 16);
  }
  waiting.edns.edns_present = question->edns;
  mesh.reply_list = question->family == 0 ? NULL : &waiting;
  qstate->mesh_info = &mesh;
  qstate->env = &host->env;
  qstate->qinfo.qname = (uint8_t *)(uintptr_t)question->qname;
  qstate->qinfo.qname_len = question->qname_bytes;
  qstate->qinfo.qtype = question->qtype;
  qstate->qinfo.qclass = question->qclass;
  static const enum module_ev events[] = {module_event_new, module_event_pass, module_event_moddone,
                                          module_event_noreply};

  const size_t blocks_before = own_blocks;
  host->dynlib.func_operate(qstate, events[question->event], MODULE_ID, NULL);

  switch (qstate->ext_state[MODULE_ID]) {
  case module_wait_module:
    reply.state = FAKE_PASSED_ON;
    break;
  case module_finished:
    reply.state = FAKE_FINISHED;
    break;
  case module_error:
    reply.state = FAKE_ERROR;
    break;
  default:
    reply.state = FAKE_UNTOUCHED;
  }
  reply.rcode = qstate->return_rcode;
  reply.dropped = qstate->is_drop;
  reply.no_cache_store = qstate->no_cache_store;
  if (qstate->return_msg != NULL)
    read_message(qstate->return_msg, &reply);
  reply.heap_allocations = own_blocks - blocks_before;
  struct edns_option *options = qstate->edns_opts_front_out;
  if (reply.state == FAKE_FINISHED && reply.rcode == LDNS_RCODE_SERVFAIL) {
    options = NULL; /* as the host does, which then calls */
    host->reply_callback(&qstate->qinfo, qstate, NULL, reply.rcode, &waiting.edns, &options, NULL,
                         NULL, NULL, MODULE_ID, NULL);
    /* Answers that come without a state: when there are too many queries. */
    host->reply_callback(&qstate->qinfo, NULL, NULL, reply.rcode, &waiting.edns, &options, NULL,
                         NULL, NULL, MODULE_ID, NULL);
  }
  if (options != NULL && question->edns) {
    reply.ede_code = sldns_read_uint16(options->opt_data);
    memcpy(reply.ede_text, options->opt_data + 2, options->opt_len - 2);
    reply.ede_options = 1 + (options->next != NULL);
  }
  host->dynlib.func_inform(qstate, MODULE_ID, qstate);
  host->dynlib.func_clear(qstate, MODULE_ID);
  reply.remembered = qstate->minfo[MODULE_ID] != NULL;
  return reply;
}
