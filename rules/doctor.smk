# doctor: what would stop the study, looked for before its first job
from melablate.cluster.asked import tell_doctor


localrules:
    doctor,


# Without output, and without an environment of its own: it runs before there is one.
rule doctor:
    log:
        "logs/doctor.log",
    retries: 0
    conda:
        lambda w: None
    params:
        told=lambda w: tell_doctor(workflow, config, PLAN),
    message:
        "looking for what would stop {PLAN.study.study}"
    shell:
        'python "$MELABLATE_SCRIPTS"/check_setup.py --told {params.told:q} --log {log:q}'
