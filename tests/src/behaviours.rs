//! The macro that declares behaviours and, at the same time, the macro that emits them as tests,
//! so that a behaviour cannot be written and then forgotten on one backend.

/// Declares behaviours: `emits` names the macro that turns them into tests.
///
/// Each behaviour gets a fresh fixture. Its name is the fact it proves.
#[macro_export]
macro_rules! behaviours {
    (
        emits $emit:ident from $subsystem:ident::$area:ident;
        $( $(#[$meta:meta])* async fn $name:ident($cx:ident: $context:ty) $body:block )*
    ) => {
        $( $(#[$meta])* pub async fn $name($cx: $context) $body )*
        $crate::behaviours!(@emit ($) $emit $subsystem $area; $($name)*);
    };
    (@emit ($d:tt) $emit:ident $subsystem:ident $area:ident; $($name:ident)*) => {
        /// Emits these behaviours as tests on the fixture of one backend.
        #[macro_export]
        macro_rules! $emit {
            ($d fixture:path) => {
                $(
                    #[test]
                    fn $name() {
                        $crate::run(async {
                            let fixture = $d fixture(stringify!($name)).await;
                            $crate::conformance::$subsystem::$area::$name(&fixture).await;
                            // Not reached by a failure: what it left behind can be looked at.
                            fixture.finish().await;
                        });
                    }
                )*
            };
        }
    };
}
