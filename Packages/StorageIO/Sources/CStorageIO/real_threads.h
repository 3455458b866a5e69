// Where schedules.c puts itself in front of threads.c, the latter's functions and types get these
// names. Include it before CStorageIO.h.
#define csio_lock_s real_lock_s
#define csio_lock_t real_lock_t
#define csio_lock_create real_lock_create
#define csio_lock_destroy real_lock_destroy
#define csio_lock_acquire real_lock_acquire
#define csio_lock_try real_lock_try
#define csio_lock_release real_lock_release
#define csio_condition_s real_condition_s
#define csio_condition_t real_condition_t
#define csio_condition_create real_condition_create
#define csio_condition_destroy real_condition_destroy
#define csio_condition_wait real_condition_wait
#define csio_condition_wait_for real_condition_wait_for
#define csio_condition_signal real_condition_signal
#define csio_condition_broadcast real_condition_broadcast
#define csio_thread_start real_thread_start
#define csio_thread_join real_thread_join
#define csio_thread_detach real_thread_detach
#define csio_yield real_yield
#define csio_sleep real_sleep
#define csio_now real_now
#define csio_thread_hint real_thread_hint
#define csio_random_bytes real_random_bytes
