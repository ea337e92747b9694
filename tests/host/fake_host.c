/* See fake_host.h. Beside the shim, the only file with Unbound's headers. */
#define _GNU_SOURCE
#include "config.h"

#include "daemon/worker.h"
#include "dynlibmod/dynlibmod.h"
#include "services/authzone.h"
#include "services/cache/dns.h"
#include "services/cache/infra.h"
#include "services/mesh.h"
#include "util/config_file.h"
#include "util/data/dname.h"
#include "util/data/msgreply.h"
#include "util/module.h"
#include "util/net_help.h"
#include "util/netevent.h"
#include "util/regional.h"
#include "validator/validator.h"

#include <ctype.h>
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
  struct module_func_block modules[MODULE_ID];
  struct module_func_block *stack[MODULE_ID];
  struct timeval now;
  inplace_cb_reply_func_type *reply_callback;
  inplace_cb_query_response_func_type *response_callback;
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

struct edns_option *edns_opt_list_find(struct edns_option *list, uint16_t code) {
  while (list != NULL && list->opt_code != code)
    list = list->next;
  return list;
}

int query_dname_compare(uint8_t *a, uint8_t *b) {
  for (; *a != 0 && tolower(*a) == tolower(*b); ++a, ++b)
    ;
  return (int)tolower(*a) - (int)tolower(*b);
}

void packed_rrset_ptr_fixup(struct packed_rrset_data *data) {
  data->rr_len = (size_t *)(void *)(data + 1);
  data->rr_data = (uint8_t **)(void *)(data->rr_len + data->count);
  data->rr_ttl = (time_t *)(void *)(data->rr_data + data->count);
  uint8_t *next = (uint8_t *)(data->rr_ttl + data->count);
  for (size_t i = 0; i < data->count; ++i) {
    data->rr_data[i] = next;
    next += data->rr_len[i];
  }
}

int dname_subdomain_c(uint8_t *below, uint8_t *above) {
  for (; *below != 0; below += *below + 1)
    if (query_dname_compare(below, above) == 0)
      return 1;
  return *above == 0;
}

void get_cname_target(struct ub_packed_rrset_key *rrset, uint8_t **target, size_t *bytes) {
  const struct packed_rrset_data *data = (const struct packed_rrset_data *)rrset->entry.data;
  if (data->count == 0)
    return;
  *target = data->rr_data[0] + 2;
  *bytes = data->rr_len[0] - 2;
}

/* Of one query at a time: there is one set of these. */
static int stored;
static int uncached;

int dns_cache_store(struct module_env *env, struct query_info *question, struct reply_info *rep,
                    int is_referral, time_t leeway, int pside, struct regional *r, uint32_t flags,
                    time_t qstarttime
#ifdef MXW_HOST_STORES_VALREC
                    ,
                    int is_valrec
#endif
) {
#ifdef MXW_HOST_STORES_VALREC
  (void)is_valrec;
#endif
  (void)env;
  (void)question;
  (void)rep;
  (void)leeway;
  (void)pside;
  (void)r;
  (void)flags;
  (void)qstarttime;
  stored += !is_referral;
  return 1;
}

void msg_cache_remove(struct module_env *env, uint8_t *name, size_t bytes, uint16_t type,
                      uint16_t rr_class, uint16_t flags) {
  (void)env;
  (void)name;
  (void)bytes;
  (void)type;
  (void)rr_class;
  (void)flags;
  ++uncached;
}

void mesh_state_make_unique(struct mesh_state *state) { state->unique = state; }

/* Timers; fake_ask() lets their time pass. */
static int timers;
static int timers_allowed;
struct comm_timer *comm_timer_create(struct comm_base *base, void (*callback)(void *),
                                     void *argument) {
  (void)base;
  (void)callback;
  (void)argument;
  if (!timers_allowed)
    return NULL;
  ++timers;
  return (struct comm_timer *)&timers;
}
void comm_timer_set(struct comm_timer *timer, struct timeval *limit) {
  (void)timer;
  (void)limit;
}
void comm_timer_delete(struct comm_timer *timer) { timers -= timer != NULL; }
void validate_suspend_timer_cb(void *argument) { (void)argument; }

static int subs_allowed;
static int attach_sub(struct module_qstate *qstate, struct query_info *question,
#ifdef MXW_HOST_SUBS_HAVE_CLIENTS
                      struct respip_client_info *client,
#endif
                      uint16_t flags, int prime, int valrec, struct module_qstate **sub) {
#ifdef MXW_HOST_SUBS_HAVE_CLIENTS
  (void)client;
#endif
  (void)question;
  (void)flags;
  (void)prime;
  (void)valrec;
  *sub = NULL;
  qstate->mesh_info->sub_set.count += (size_t)subs_allowed;
  return subs_allowed;
}
static void detach_subs(struct module_qstate *qstate) { qstate->mesh_info->sub_set.count = 0; }
static int detect_cycle(struct module_qstate *qstate, struct query_info *question, uint16_t flags,
                        int prime, int valrec) {
  (void)qstate;
  (void)question;
  (void)flags;
  (void)prime;
  (void)valrec;
  return 0;
}

void infra_wait_limit_dec(struct infra_cache *infra, struct comm_reply *reply,
                          struct config_file *cfg) {
  (void)infra;
  (void)reply;
  (void)cfg;
}

/* Trees of one node or none. */
rbnode_type rbtree_null_node;
rbnode_type *rbtree_first(rbtree_type *tree) { return tree->root; }
rbnode_type *rbtree_next(rbnode_type *node) {
  (void)node;
  return RBTREE_NULL;
}
rbnode_type *rbtree_insert(rbtree_type *tree, rbnode_type *node) {
  ++tree->count;
  return tree->root = node;
}
rbnode_type *rbtree_delete(rbtree_type *tree, const void *key) {
  rbnode_type *node = tree->root;
  if (tree->count == 0 || node->key != key)
    return NULL;
  --tree->count;
  tree->root = RBTREE_NULL;
  return node;
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
  (void)argument;
  (void)id;
  struct fake_host *host = host_of(env);
  if (type == inplace_cb_query_response)
    host->response_callback = (inplace_cb_query_response_func_type *)callback;
  else
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
  host->cfg.module_conf = "dynlib validator iterator";
  host->cfg.client_subnet_opcode = LDNS_EDNS_CLIENT_SUBNET;
  for (int i = 0; i < MODULE_ID; ++i) {
    host->modules[i].name = "other";
    host->stack[i] = &host->modules[i];
  }
  host->mesh.mods.mod = host->stack;
  host->env.attach_sub = &attach_sub;
  host->env.detach_subs = &detach_subs;
  host->env.detect_cycle = &detect_cycle;
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

/* An RRset of one record whose rdata is a name. */
static struct ub_packed_rrset_key *make_rrset(const struct fake_name *owner, uint16_t type,
                                              const struct fake_name *target) {
  struct ub_packed_rrset_key *key = calloc(1, sizeof(*key));
  struct packed_rrset_data *data = calloc(1, sizeof(*data));
  data->count = 1;
  data->rr_len = calloc(1, sizeof(*data->rr_len));
  data->rr_data = calloc(1, sizeof(*data->rr_data));
  data->rr_ttl = calloc(1, sizeof(*data->rr_ttl));
  data->rr_len[0] = target->bytes + 2;
  data->rr_data[0] = calloc(1, target->bytes + 2);
  memcpy(data->rr_data[0] + 2, target->octets, target->bytes);
  key->rk.type = htons(type);
  key->rk.dname = (uint8_t *)(uintptr_t)owner->octets;
  key->rk.dname_len = owner->bytes;
  key->entry.data = data;
  return key;
}

static void free_message(struct dns_msg *msg) {
  for (size_t i = 0; i < msg->rep->rrset_count; ++i) {
    struct packed_rrset_data *data = msg->rep->rrsets[i]->entry.data;
    free(data->rr_data[0]);
    free(data->rr_data);
    free(data->rr_len);
    free(data->rr_ttl);
    free(data);
    free(msg->rep->rrsets[i]);
  }
  free(msg->rep->rrsets);
  free(msg->rep);
  free(msg);
}

static struct dns_msg *make_message(const struct fake_question *question,
                                    const struct query_info *asked) {
  struct dns_msg *msg = calloc(1, sizeof(*msg));
  msg->qinfo = *asked;
  msg->rep = calloc(1, sizeof(*msg->rep));
  msg->rep->rrset_count = msg->rep->an_numrrsets = question->alias_count + 1;
  msg->rep->rrsets = calloc(question->alias_count + 1, sizeof(*msg->rep->rrsets));
  struct fake_name owner = {question->qname, question->qname_bytes};
  for (size_t i = 0; i < question->alias_count; ++i) {
    msg->rep->rrsets[i] = make_rrset(&owner, LDNS_RR_TYPE_CNAME, &question->aliases[i]);
    owner = question->aliases[i];
  }
  msg->rep->rrsets[question->alias_count] = make_rrset(&owner, question->qtype, &owner);
  return msg;
}

static void set_client(struct mesh_reply *reply, int family, const uint8_t *address) {
  struct sockaddr_storage *to = &reply->query_reply.client_addr;
  to->ss_family = (sa_family_t)family;
  if (family == AF_INET)
    memcpy(&((struct sockaddr_in *)to)->sin_addr, address, 4);
  else if (family == AF_INET6)
    memcpy(&((struct sockaddr_in6 *)to)->sin6_addr, address, 16);
}

static enum fake_state state_of(const struct module_qstate *qstate) {
  switch (qstate->ext_state[MODULE_ID]) {
  case module_wait_module:
    return FAKE_PASSED_ON;
  case module_finished:
    return FAKE_FINISHED;
  case module_error:
    return FAKE_ERROR;
  case module_wait_subquery:
    return FAKE_WAITS;
  default:
    return FAKE_UNTOUCHED;
  }
}

struct fake_reply fake_ask(struct fake_host *host, const struct fake_question *question) {
  struct mesh_reply waiting;
  struct mesh_reply joined;
  struct mesh_state mesh;
  struct mesh_state other;
  struct mesh_state_ref super;
  struct comm_point socket;
  struct auth_zones zones;
  struct edns_option subnet;
  struct module_qstate *qstate = &mesh.s;
  struct fake_reply reply;
  memset(&waiting, 0, sizeof(waiting));
  memset(&joined, 0, sizeof(joined));
  memset(&mesh, 0, sizeof(mesh));
  memset(&other, 0, sizeof(other));
  memset(&super, 0, sizeof(super));
  memset(&socket, 0, sizeof(socket));
  memset(&zones, 0, sizeof(zones));
  socket.type = comm_udp;
  waiting.query_reply.c = joined.query_reply.c = &socket;
  super.s = &other; /* it asks for something else */
  super.node.key = &super;
  memset(&subnet, 0, sizeof(subnet));
  memset(&reply, 0, sizeof(reply));
  region_used = 0;
  stored = uncached = timers = 0;
  timers_allowed = !question->no_timers;
  subs_allowed = !question->no_subs;

  set_client(&waiting, question->family, question->address);
  set_client(&joined, question->joined_family, question->joined_address);
  waiting.edns.edns_present = question->edns != 0;
  mesh.reply_list = question->family == 0 ? NULL : &waiting;
  mesh.node.key = &mesh;
  mesh.super_set.root = mesh.sub_set.root = RBTREE_NULL;
  host->mesh.all.count = 0;
  (void)rbtree_insert(&host->mesh.all, &mesh.node);
  qstate->mesh_info = &mesh;
  qstate->env = &host->env;
  qstate->query_flags = BIT_RD;
  qstate->no_cache_store = qstate->no_cache_lookup = question->no_lookup;
  host->modules[0].name = question->behind_dns64 ? "dns64" : "other";
  qstate->qinfo.qname = (uint8_t *)(uintptr_t)question->qname;
  qstate->qinfo.qname_len = question->qname_bytes;
  qstate->qinfo.qtype = question->qtype;
  qstate->qinfo.qclass = question->qclass;
  zones.rpz_first = question->has_rpz ? (struct auth_zone *)&zones : NULL;
  host->env.auth_zones = &zones;
  static const enum module_ev events[] = {module_event_new, module_event_pass, module_event_moddone,
                                          module_event_noreply};

  size_t blocks_before = own_blocks;
  host->dynlib.func_operate(qstate, events[question->event], MODULE_ID, NULL);
  reply.heap_allocations = own_blocks - blocks_before;
  if (state_of(qstate) == FAKE_WAITS) {
    ++reply.waited;
    host->now.tv_sec += 3;
    host->dynlib.func_operate(qstate, module_event_pass, MODULE_ID, NULL);
  }
  reply.state = state_of(qstate);
  struct dns_msg *real = NULL;
  if (question->resolves && reply.state == FAKE_PASSED_ON) {
    real = make_message(question, &qstate->qinfo);
    if (question->in_subnet) {
      subnet.opt_code = host->cfg.client_subnet_opcode;
      qstate->edns_opts_back_out = &subnet;
    }
    host->response_callback(qstate, real, MODULE_ID, NULL);
    reply.host_stored = !qstate->no_cache_store;
    qstate->return_msg = real;
    waiting.next = question->joined_family == 0 ? NULL : &joined;
    if (question->has_super)
      (void)rbtree_insert(&mesh.super_set, &super.node);
    blocks_before = own_blocks;
    host->dynlib.func_operate(qstate, module_event_moddone, MODULE_ID, NULL);
    reply.heap_allocations += own_blocks - blocks_before;
    if (state_of(qstate) == FAKE_WAITS) {
      ++reply.waited;
      host->now.tv_sec += 3;
      host->dynlib.func_operate(qstate, module_event_pass, MODULE_ID, NULL);
    }
    reply.state = state_of(qstate);
  }
  reply.stored = stored;
  const int *dns64 = qstate->minfo[0]; /* its state, and whether it must not store */
  reply.dns64_stores =
      question->behind_dns64 && qstate->return_msg != NULL && (dns64 == NULL || !dns64[1]);
  reply.uncached = uncached;
  reply.unique = mesh.unique != NULL;
  reply.rcode = qstate->return_rcode;
  reply.dropped = qstate->is_drop;
  reply.no_cache_store = qstate->no_cache_store;
  if (qstate->return_msg != NULL)
    read_message(qstate->return_msg, &reply);
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
  reply.timers_left = timers;
  if (real != NULL)
    free_message(real);
  return reply;
}
